using System.Runtime.CompilerServices;

namespace PixelServer.Tests.Support;

/// <summary>Files whose diff is reviewed like code. UPDATE_GOLDEN=1 rewrites them.</summary>
internal static class Golden
{
    public static void Matches(string name, string actual)
    {
        var file = Path.Combine(Repository.Root, "tests", "PixelServer.Tests", "Golden", name);
        if (Environment.GetEnvironmentVariable("UPDATE_GOLDEN") == "1") File.WriteAllText(file, actual);
        Assert.Equal(File.Exists(file) ? File.ReadAllText(file) : "(no such file: run with UPDATE_GOLDEN=1)", actual);
    }
}

/// <summary>The sources that these tests were built from.</summary>
internal static class Repository
{
    public static string Root { get; } = Up(Path.GetDirectoryName(ThisFile())!);

    public static string Sources => Path.Combine(Root, "src", "PixelServer");

    private static string Up(string folder) =>
        File.Exists(Path.Combine(folder, "PixelServer.sln")) ? folder : Up(Path.GetDirectoryName(folder)!);

    private static string ThisFile([CallerFilePath] string file = "") => file;
}
