using System.Collections.Frozen;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;

namespace PixelServer.Ops;

/// <summary>
/// Reads a folder's options from configuration and checks them, once, at the start. A wrong value stops the start with one line
/// that names the key, the value and what is allowed.
/// </summary>
internal static partial class Settings
{
    // Kept beside the configuration that was read, not in a global: two servers in one process have two.
    private static readonly ConditionalWeakTable<IConfiguration, List<SettingKey>> s_known = [];

    /// <summary>Every key that was read from this configuration so far, whether it was set or not.</summary>
    public static IReadOnlyCollection<SettingKey> Known(IConfiguration configuration) => s_known.GetOrCreateValue(configuration);

    /// <summary>Names the keys of options whose sections the operator names, such as <c>Pixel:Sites:{id}</c>, though there be none.</summary>
    public static void Describe<T>(IConfiguration configuration, string section) where T : class, new() =>
        s_known.GetOrCreateValue(configuration).AddRange(SettingKeys.Of(section, new T()));

    /// <summary>To be called when every folder has read its options.</summary>
    /// <exception cref="SettingException">Something under <c>Pixel</c> is no setting: misspelt, or of another version.</exception>
    public static void RefuseUnknown(IConfiguration configuration) => SettingKeys.CheckAll(configuration, "Pixel", Known(configuration));

    /// <exception cref="SettingException">A value cannot be read or is out of range.</exception>
    public static T Read<T>(IConfiguration configuration, string section) where T : class, new()
    {
        Describe<T>(configuration, section);
        return Bind<T>(configuration, section);
    }

    /// <summary>
    /// What a stage is told about each site: section <c>Pixel:Sites:{id}:{name}</c> over <c>Pixel:DefaultSite:{name}</c> over the defaults,
    /// key by key. Options of plain values only: of two lists the binder would make one.
    /// </summary>
    /// <exception cref="SettingException">A value cannot be read or is out of range.</exception>
    public static PerSite<T> ReadPerSite<T>(IConfiguration configuration, string name) where T : class, new()
    {
        Describe<T>(configuration, $"Pixel:Sites:{{id}}:{name}");
        var other = Read<T>(configuration, $"Pixel:DefaultSite:{name}");
        return new PerSite<T>(
            configuration.GetSection("Pixel:Sites").GetChildren().ToFrozenDictionary(
                site => site.Key, site => Bind<T>(configuration, $"Pixel:DefaultSite:{name}", $"{site.Path}:{name}"), StringComparer.Ordinal),
            other);
    }

    private static T Bind<T>(IConfiguration configuration, params ReadOnlySpan<string> sections) where T : class, new()
    {
        var options = new T();
        foreach (var section in sections)
        {
            try
            {
                configuration.GetSection(section).Bind(options);
            }
            catch (InvalidOperationException e) when (Unreadable().Match(e.Message) is { Success: true } match)
            {
                throw new SettingException(match.Groups["key"].Value, match.Groups["value"].Value, Readable(match.Groups["type"].Value));
            }

            Check(options, section);
        }

        return options;
    }

    private static void Check(object options, string section)
    {
        foreach (var property in options.GetType().GetProperties())
        {
            if (property.GetIndexParameters().Length > 0) continue;
            var value = property.GetValue(options);
            foreach (var rule in property.GetCustomAttributes<ValidationAttribute>())
            {
                if (rule.IsValid(value)) continue;
                throw new SettingException($"{section}:{property.Name}", Convert.ToString(value, CultureInfo.InvariantCulture), Allowed(rule));
            }

            // The binder takes any number for an enumeration, also one that means nothing.
            if (value is Enum choice && !Enum.IsDefined(choice.GetType(), choice))
                throw new SettingException($"{section}:{property.Name}", choice.ToString(), string.Join(", ", Enum.GetNames(choice.GetType())));

            // Nested options are ours and are checked like the outer ones; sites come by name in a dictionary.
            if (value is System.Collections.IDictionary named)
            {
                foreach (System.Collections.DictionaryEntry entry in named)
                    if (entry.Value is { } inner && IsOurs(inner)) Check(inner, $"{section}:{property.Name}:{entry.Key}");
            }
            else if (value is not null && IsOurs(value))
            {
                Check(value, $"{section}:{property.Name}");
            }
        }
    }

    private static bool IsOurs(object value) => value.GetType() is { IsClass: true } type && type.Assembly == typeof(Settings).Assembly;

    private static string Allowed(ValidationAttribute rule) => rule switch
    {
        { ErrorMessage: { } message } => message,
        RangeAttribute range => string.Create(CultureInfo.InvariantCulture, $"{range.Minimum} to {range.Maximum}"),
        RegularExpressionAttribute pattern => $"text that matches {pattern.Pattern}",
        RequiredAttribute => "any text, but not nothing",
        _ => rule.FormatErrorMessage("the value"),
    };

    private static string Readable(string type)
    {
        var name = type.Split('.', '+')[^1];
        var found = typeof(Settings).Assembly.GetTypes().FirstOrDefault(t => t.IsEnum && t.Name == name);
        if (found is not null) return string.Join(", ", Enum.GetNames(found));
        return name switch
        {
            "Int32" or "Int64" => "a whole number",
            "Boolean" => "true or false",
            "TimeSpan" => "a time span as days.hours:minutes:seconds, such as 00:15:00",
            _ => $"a value of type {name}",
        };
    }

    [GeneratedRegex(@"^Failed to convert configuration value '(?<value>.*)' at '(?<key>.*)' to type '(?<type>.*)'\.$", RegexOptions.Singleline)]
    private static partial Regex Unreadable();
}

/// <summary>One setting that the server cannot start with; the message is the whole explanation, on one line.</summary>
internal sealed class SettingException : OperatorException
{
    public SettingException(string key, string? value, string allowed)
        : base($"Setting {Visible.Of(key)} = {Shown(key, value)} is not usable; allowed: {allowed}.") { }

    /// <summary>For a key that is no setting.</summary>
    public SettingException(string key, string nearest)
        : base($"Setting {Visible.Of(key)} does not exist; the nearest one is {nearest}.") { }

    // What stands in a secret's place may be the secret with a slip in it: it never reaches a log.
    private static string Shown(string key, string? value) =>
        key.EndsWith("Token", StringComparison.OrdinalIgnoreCase) || key.EndsWith("Key", StringComparison.OrdinalIgnoreCase)
            ? "(hidden)" : $"'{Visible.Of(value ?? "")}'";
}
