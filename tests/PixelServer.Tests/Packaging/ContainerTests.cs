using System.Text.RegularExpressions;
using System.Xml.Linq;
using Microsoft.Extensions.DependencyInjection;
using PixelServer.Store;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Packaging;

/// <summary>Dockerfile, .dockerignore and compose file say again what stands in the projects and the settings: here they are held to it.</summary>
public sealed partial class ContainerTests
{
    private const string Project = "src/PixelServer/PixelServer.csproj";
    private static readonly string s_dockerfile = Read("Dockerfile");
    private static readonly string s_compose = Read("docker-compose.yml");

    [Fact]
    public void The_layer_that_restores_holds_every_project_and_lock_file_that_the_server_is_built_from()
    {
        var needed = ProjectsOf(Project).SelectMany(project => new[] { project, Beside(project, "packages.lock.json") })
            .Concat(["global.json", "Directory.Build.props", "Directory.Packages.props"]);

        Assert.Empty(needed.Except(CopiedBefore("RUN dotnet restore")));
    }

    [Fact]
    public void What_the_compiler_reads_beside_the_projects_is_copied_before_the_build()
    {
        var needed = XDocument.Parse(Read(Project)).Descendants("AdditionalFiles").Select(file => Beside(Project, file.Attribute("Include")!.Value))
            .Append(".editorconfig").Append("src/PixelServer");

        Assert.Empty(needed.Except(CopiedBefore("RUN dotnet publish")));
    }

    [Fact]
    public void Everything_that_is_copied_exists_and_is_let_through_by_dockerignore()
    {
        var let = Read(".dockerignore").Split('\n').Where(line => line.StartsWith('!')).Select(line => line[1..].TrimEnd('/')).ToList();

        Assert.All(CopiedBefore("RUN dotnet publish"), path =>
        {
            Assert.True(Path.Exists(Path.Combine(Repository.Root, path)), path);
            Assert.Contains(let, one => path == one || path.StartsWith(one + "/", StringComparison.Ordinal));
        });
    }

    [Fact]
    public void The_images_are_of_the_framework_that_the_projects_target()
    {
        var framework = XDocument.Parse(Read("Directory.Build.props")).Descendants("TargetFramework").Single().Value;

        Assert.All(Image().Matches(s_dockerfile), image => Assert.Equal(framework, "net" + image.Groups["version"].Value));
        Assert.Equal(["sdk", "aspnet"], Image().Matches(s_dockerfile).Select(image => image.Groups["name"].Value));
    }

    [Fact]
    public void The_program_that_is_started_and_asked_for_its_health_is_the_one_that_is_built()
    {
        var program = $"/program/{typeof(Hit).Assembly.GetName().Name}.dll";

        Assert.Contains($"ENTRYPOINT [\"dotnet\", \"{program}\"]", s_dockerfile);
        Assert.Contains($"CMD [\"dotnet\", \"{program}\", \"healthcheck\"]", s_dockerfile);
        Assert.Contains("--output /program", s_dockerfile);
        Assert.Contains(Project, One(s_dockerfile, @"RUN dotnet publish (\S+)"));
    }

    [Fact]
    public void The_server_does_not_run_as_root_and_owns_only_its_data()
    {
        var user = One(s_dockerfile, @"(?m)^USER (\d+)$");

        Assert.NotEqual("0", user);
        Assert.Contains($"--chown={user}:{user} /empty /data", s_dockerfile);
        Assert.Single(Chown().Matches(s_dockerfile));
    }

    [Fact]
    public void Port_and_data_directory_are_the_same_wherever_they_are_named()
    {
        var port = One(s_dockerfile, @"(?m)^EXPOSE (\d+)$");
        var data = One(s_dockerfile, @"(?m)^VOLUME (\S+)$");

        Assert.Equal($"http://+:{port}", One(s_dockerfile, """ASPNETCORE_URLS="([^"]+)"""));
        Assert.Equal(data, One(s_dockerfile, """Pixel__DataDirectory="([^"]+)"""));
        Assert.Equal(data, One(s_compose, @"Pixel__DataDirectory: (\S+)"));
        Assert.Equal(data, One(s_compose, @"- pixel-data:(\S+)"));
        Assert.Equal(port, One(s_compose, """- "\$\{PIXEL_PORT:-\d+\}:(\d+)"""));
    }

    [Fact]
    public async Task Every_setting_that_they_name_exists_and_has_a_value_that_the_server_takes_commented_examples_included()
    {
        var settings = Setting().Matches(s_dockerfile + s_compose)
            .Select(match => (Key: match.Groups["key"].Value.Replace("__", ":", StringComparison.Ordinal), Value: Default().Replace(match.Groups["value"].Value, "$1")))
            .Where(setting => setting.Key != "Pixel:DataDirectory").ToList(); // not on this machine
        using var folder = new TempFolder();

        Assert.Equal(["ConnectionStrings:Postgres", "Pixel:AdminToken", "Pixel:TrustedProxies:0"], settings.Select(setting => setting.Key).Order());
        // Build refuses a key that no options class has, and a value that is not allowed.
        await using var app = Program.Build([$"--Pixel:DataDirectory={folder.Path}", .. settings.Select(setting => $"--{setting.Key}={setting.Value}")]);
        Assert.Equal("postgresql", app.Services.GetRequiredService<IEventStore>().Name);
    }

    [Fact]
    public void The_server_is_given_the_password_that_PostgreSQL_is_given()
    {
        Assert.Equal(2, Password().Count(s_compose));
        Assert.Equal(One(s_compose, "POSTGRES_USER: (.+)"), One(s_compose, "Username=([^;]+);"));
        Assert.Equal(One(s_compose, "POSTGRES_DB: (.+)"), One(s_compose, "Database=([^;]+);"));
    }

    private static IEnumerable<string> ProjectsOf(string project) => XDocument.Parse(Read(project)).Descendants("ProjectReference")
        .SelectMany(reference => ProjectsOf(Beside(project, reference.Attribute("Include")!.Value))).Append(project);

    private static List<string> CopiedBefore(string command) => [.. Copy().Matches(s_dockerfile[..s_dockerfile.IndexOf(command, StringComparison.Ordinal)])
        .SelectMany(copy => copy.Groups["paths"].Value.Split(' ')[..^1]).Select(path => path.TrimEnd('/'))];

    private static string Beside(string project, string file) =>
        Path.GetRelativePath(Repository.Root, Path.Combine(Repository.Root, Path.GetDirectoryName(project)!, file.Replace('\\', '/')));

    private static string Read(string file) => File.ReadAllText(Path.Combine(Repository.Root, file));

    private static string One(string text, string pattern) => Assert.Single(Regex.Matches(text, pattern)).Groups[1].Value;

    [GeneratedRegex(@"(?m)^COPY (?!--from)(?<paths>.+)$")]
    private static partial Regex Copy();

    [GeneratedRegex(@"mcr\.microsoft\.com/dotnet/(?<name>\w+):(?<version>\d+\.\d+)")]
    private static partial Regex Image();

    [GeneratedRegex("--chown")]
    private static partial Regex Chown();

    [GeneratedRegex("""\b(?<key>(Pixel|ConnectionStrings)__\w+)(=|: )"?(?<value>[^"\n]*?)"?( \\\\)?\n""")]
    private static partial Regex Setting();

    [GeneratedRegex(@"\$\{\w+:-([^}]*)\}")]
    private static partial Regex Default();

    [GeneratedRegex(@"\$\{POSTGRES_PASSWORD:-pixel\}")]
    private static partial Regex Password();
}
