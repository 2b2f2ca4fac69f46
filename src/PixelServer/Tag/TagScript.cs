using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using NUglify;
using NUglify.JavaScript;
using PixelServer.Collect;

namespace PixelServer.Tag;

/// <summary>
/// One finished tag: the modules that its options ask for in one function, minified, in every form in which it is served. Made from
/// nothing but its arguments: the same everywhere, so that several collectors serve the same bytes under the same version.
/// </summary>
internal sealed class TagScript
{
    // As long as a version: putting the version in its place moves no column of the source map.
    private const string Placeholder = "0123456789";

    private TagScript(string version, string text, string map, string mapName, IReadOnlyList<string> modules)
    {
        (Version, MapName, Modules) = (version, mapName, modules);
        Bytes = Encoding.UTF8.GetBytes(text);
        Gzip = Packed(Bytes, to => new GZipStream(to, CompressionLevel.SmallestSize));
        Brotli = Packed(Bytes, to => new BrotliStream(to, CompressionLevel.SmallestSize));
        Map = Encoding.UTF8.GetBytes(map);
        Integrity = "sha384-" + Convert.ToBase64String(SHA384.HashData(Bytes));
    }

    /// <summary>Ten hexadecimal digits of the content's SHA-256.</summary>
    public string Version { get; }

    public byte[] Bytes { get; }
    public byte[] Gzip { get; }
    public byte[] Brotli { get; }

    /// <summary>Source map (version 3) with the sources in it.</summary>
    public byte[] Map { get; }

    /// <summary>Last part of the map's path.</summary>
    public string MapName { get; }

    /// <summary>For the <c>integrity</c> attribute of a script element.</summary>
    public string Integrity { get; }

    /// <summary>File names, in order.</summary>
    public IReadOnlyList<string> Modules { get; }

    /// <exception cref="InvalidOperationException">A module is no valid JavaScript.</exception>
    public static TagScript Make(TagOptions options, PathOptions paths)
    {
        var modules = TagModules.Of(options);
        var constants = $"const version='{Placeholder}',tagPath='{paths.Tag}',beaconPath='{paths.Beacon}',pixelPath='{paths.Pixel}',landingNames=/^({Landing})$/;";
        var source = new StringBuilder("(function(){'use strict';").Append(constants).Append('\n');
        // The directive tells the minifier where the next line really comes from.
        foreach (var module in modules) source.Append("///#source 1 1 ").Append(module.Name).Append('\n').Append(module.Text).Append('\n');
        source.Append("})()");

        var (text, map) = Minify(source.ToString());
        var version = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))[..Placeholder.Length];
        return new TagScript(version, text.Replace(Placeholder, version, StringComparison.Ordinal), WithSources(map, modules), paths.Tag.Split('/')[^1] + ".map", [.. modules.Select(module => module.Name)]);
    }

    // What a landing page's address says about how the visitor came; most click ids are shaped alike.
    private static readonly string[] s_shapes = [@"utm_\w+", @"\w+cl(ick|k)?id", "[gw]braid"];

    private static string Landing { get; } = string.Join('|',
        s_shapes.Concat(ClickIds.Names.ToArray().Where(name => !s_shapes.Any(shape => Regex.IsMatch(name, $"^{shape}$")))));

    private static (string Text, string Map) Minify(string source)
    {
        var map = new StringWriter { NewLine = "\n" };
        UglifyResult result;
        using (var symbols = new V3SourceMap(map))
        {
            var settings = new CodeSettings { LocalRenaming = LocalRenaming.CrunchAll, TermSemicolons = false, SymbolsMap = symbols, LineTerminator = "\n" };
            symbols.StartPackage("t.js", "t.js.map");
            result = Uglify.Js(source, "constants.js", settings);
            symbols.EndPackage();
        }

        // The map is named in a header: a comment in the file would be bytes for every visitor.
        var code = result.Code;
        if (code?.LastIndexOf("\n//# sourceMappingURL=", StringComparison.Ordinal) is > 0 and var comment) code = code[..comment];

        // Warnings of a minifier that is older than the language are no errors.
        return result.Errors.Where(error => error.IsError).Select(error => error.ToString()).ToArray() is [_, ..] errors
            ? throw new InvalidOperationException("The tag cannot be minified: " + string.Join("; ", errors))
            : (code!, map.ToString());
    }

    private static string WithSources(string map, IReadOnlyList<TagModule> modules)
    {
        var json = JsonNode.Parse(map)!.AsObject();
        var texts = modules.ToDictionary(module => module.Name, module => module.Text);
        json["sourcesContent"] = new JsonArray([.. json["sources"]!.AsArray().Select(name => (JsonNode?)texts.GetValueOrDefault(name!.GetValue<string>()))]);
        return json.ToJsonString();
    }

    private static byte[] Packed(byte[] bytes, Func<Stream, Stream> packer)
    {
        var to = new MemoryStream();
        using (var stream = packer(to)) stream.Write(bytes);
        return to.ToArray();
    }
}
