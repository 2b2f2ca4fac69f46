using PixelServer.Store;

namespace PixelServer.Privacy;

/// <summary>Consent records on our own disk until the store has them.</summary>
internal sealed class ConsentFile(string path) : JsonLines<ConsentRecord>(
    path, "Decisions of persons stand in this file that the store may not have: restore it, or take the line out by hand and keep it.");
