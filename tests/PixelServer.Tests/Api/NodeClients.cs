using PixelServer.Tests.Support;

namespace PixelServer.Tests.Api;

/// <summary>Clients of other makers in <c>clients/</c>, as <c>npm ci</c> puts them there; <c>./test.sh</c> does that.</summary>
internal static class NodeClients
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(120);

    private static string Folder => Path.Combine(Repository.Root, "tests", "PixelServer.Tests", "clients");

    /// <summary>A file of a package. Where the packages are missing the test is skipped, but fails in CI.</summary>
    public static string File(string path)
    {
        var file = Path.Combine(Folder, "node_modules", path);
        var missing = !System.IO.File.Exists(file);
        const string How = "The clients are not installed: run npm ci --ignore-scripts in tests/PixelServer.Tests/clients, as ./test.sh does.";
        if (missing && !string.IsNullOrEmpty(Environment.GetEnvironmentVariable("CI"))) Assert.Fail(How);
        if (missing) Assert.Skip(How);
        return file;
    }

    /// <summary>Runs a script of ours to its end.</summary>
    /// <param name="package">The package that it needs.</param>
    /// <param name="script">Its name in <c>clients/</c>.</param>
    /// <param name="arguments">As the script takes them.</param>
    public static async Task<(int Code, string Out, string Error)> RunAsync(string package, string script, params string[] arguments)
    {
        File(Path.Combine(package, "package.json"));
        return await Command.RunAsync(new("node", [Path.Combine(Folder, script), .. arguments]) { WorkingDirectory = Folder }, within: s_patience);
    }
}
