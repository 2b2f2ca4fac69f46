namespace PixelServer.Ops;

/// <summary>Standard output, shared by banner and log without mixing their lines. Thread-safe.</summary>
internal sealed class Terminal(TextWriter output)
{
    private readonly Lock _lock = new();

    public void Write(string text)
    {
        lock (_lock)
        {
            output.Write(text);
            output.Flush();
        }
    }
}
