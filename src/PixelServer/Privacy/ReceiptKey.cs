using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using PixelServer.Ops;

namespace PixelServer.Privacy;

/// <summary>Signs receipts: ECDSA on P-256 with SHA-256, by a key in the data directory that is made when it is needed for the first time.</summary>
internal sealed class ReceiptKey
{
    public const string FileName = "receipts";

    private readonly Func<DataDirectory> _directory;
    private readonly Lock _lock = new();
    private ECDsa? _key;

    /// <param name="directory">Asked for when the key is needed.</param>
    public ReceiptKey(Func<DataDirectory> directory) => _directory = directory;

    /// <summary>SubjectPublicKeyInfo in base64, as <c>openssl pkey -pubin -inform DER</c> reads it.</summary>
    public string Public => Convert.ToBase64String(Key().ExportSubjectPublicKeyInfo());

    /// <summary>The document <c>{"receipt":…,"key":…,"signature":…}</c>. What is signed is the receipt without white space between its tokens.</summary>
    public string Sign<T>(T receipt, JsonSerializerOptions json)
    {
        var element = JsonSerializer.SerializeToElement(receipt, json);
        lock (_lock)
        {
            return JsonSerializer.Serialize(new Document(element, Public, Convert.ToBase64String(Key().SignData(Signed(element), HashAlgorithmName.SHA256))), s_json);
        }
    }

    /// <param name="document">A whole receipt, or the answer of the API around it.</param>
    /// <param name="trusted">The public key that may have signed it, in base64.</param>
    /// <returns>What is wrong with it; null where nothing is.</returns>
    public static string? Fault(string document, string trusted)
    {
        try
        {
            var element = JsonElement.Parse(document);
            if (Inner(element) is { } receipt && Inner(receipt) is not null) element = receipt;
            if (element.Deserialize<Document>(s_json) is not { Key: { } claimed, Signature: { } signature, Receipt.ValueKind: JsonValueKind.Object } read) return "This is no receipt.";
            if (claimed != trusted) return "It was signed with another key: verify it on the server that made it, or give its public key with --key.";
            using var key = ECDsa.Create();
            key.ImportSubjectPublicKeyInfo(Convert.FromBase64String(trusted), out _);
            return key.VerifyData(Signed(read.Receipt), Convert.FromBase64String(signature), HashAlgorithmName.SHA256) ? null : "Its signature does not fit: it was changed.";
        }
        catch (Exception e) when (e is JsonException or FormatException or CryptographicException)
        {
            return "This is no receipt.";
        }
    }

    private static readonly JsonSerializerOptions s_json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    private static JsonElement? Inner(JsonElement element) =>
        element.ValueKind is JsonValueKind.Object && element.TryGetProperty("receipt", out var inner) && inner.ValueKind is JsonValueKind.Object ? inner : null;

    private static byte[] Signed(JsonElement receipt) => Encoding.UTF8.GetBytes(JsonSerializer.Serialize(receipt));

    private ECDsa Key()
    {
        lock (_lock)
        {
            if (_key is not null) return _key;
            var file = _directory().KeyFile(FileName);
            var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            if (!File.Exists(file)) DataDirectory.MakeSecret(file, Encoding.ASCII.GetBytes(key.ExportPkcs8PrivateKeyPem() + "\n"));
            key.ImportFromPem(File.ReadAllText(file));
            return _key = key;
        }
    }

    private sealed record Document(JsonElement Receipt, string Key, string Signature);
}
