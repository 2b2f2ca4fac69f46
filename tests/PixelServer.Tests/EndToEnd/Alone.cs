namespace PixelServer.Tests.EndToEnd;

/// <summary>Tests that keep the whole machine busy run one after the other, when all others are done.</summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;
