using System.Collections;
using System.Globalization;
using System.Reflection;

namespace PixelServer.Ops;

/// <summary>One key that the server understands.</summary>
/// <param name="Key">Whole key; <c>{id}</c> stands for a name that the operator chooses, <c>{n}</c> for a place in a list (0, 1, …).</param>
/// <param name="Default">What holds when the key is absent, as it would be written; empty for nothing.</param>
internal sealed record SettingKey(string Key, string Default);

/// <summary>All the keys under <c>Pixel</c>, taken from the options classes, so that a misspelt one is found at the start.</summary>
internal static class SettingKeys
{
    public static IEnumerable<SettingKey> Of(string section, object options)
    {
        foreach (var property in options.GetType().GetProperties(BindingFlags.Public | BindingFlags.Instance))
        {
            if (property.SetMethod is null || property.GetIndexParameters().Length > 0) continue;
            foreach (var key in Of($"{section}:{property.Name}", property.PropertyType, property.GetValue(options))) yield return key;
        }
    }

    private static IEnumerable<SettingKey> Of(string key, Type type, object? value)
    {
        if (ValueOfDictionary(type) is { } named) return Of(key + ":{id}", named, Empty(named));
        if (type != typeof(string) && typeof(IEnumerable).IsAssignableFrom(type))
            return [new(key + ":{n}", string.Join(", ", ((IEnumerable?)value ?? Array.Empty<object>()).Cast<object>().Select(Written)))];
        if (type.IsClass && type.Assembly == typeof(SettingKeys).Assembly) return Of(key, value ?? Activator.CreateInstance(type)!);
        return [new(key, Written(value))];
    }

    /// <exception cref="SettingException">A key under <paramref name="root"/> that is none of <paramref name="known"/>.</exception>
    public static void CheckAll(IConfiguration configuration, string root, IReadOnlyCollection<SettingKey> known)
    {
        foreach (var (key, value) in configuration.GetSection(root).AsEnumerable())
        {
            // A section has no value of its own; an empty object in a file shows as an empty one.
            if (string.IsNullOrEmpty(value) || known.Any(one => Matches(one.Key, key))) continue;
            throw new SettingException(key, Nearest(key, known));
        }
    }

    private static bool Matches(string known, string key)
    {
        var (a, b) = (known.Split(':'), key.Split(':'));
        return a.Length == b.Length && a.Zip(b).All(pair => pair.First switch
        {
            "{id}" => true,
            "{n}" => int.TryParse(pair.Second, NumberStyles.None, CultureInfo.InvariantCulture, out _),
            _ => pair.First.Equals(pair.Second, StringComparison.OrdinalIgnoreCase),
        });
    }

    private static string Nearest(string key, IEnumerable<SettingKey> known) =>
        known.Select(one => one.Key).MinBy(one => Distance(one.ToUpperInvariant(), key.ToUpperInvariant())) ?? "";

    /// <summary>Least number of letters to add, drop or change (Levenshtein), in one row of memory.</summary>
    private static int Distance(string a, string b)
    {
        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(change, Math.Min(row[j - 1], row[j]) + 1);
            }
        }

        return row[^1];
    }

    private static Type? ValueOfDictionary(Type type) => type.GetInterfaces().Append(type)
        .FirstOrDefault(t => t.IsGenericType && (t.GetGenericTypeDefinition() == typeof(IDictionary<,>) || t.GetGenericTypeDefinition() == typeof(IReadOnlyDictionary<,>)))
        ?.GetGenericArguments()[1];

    private static object? Empty(Type type) => type.IsClass && type != typeof(string) ? Activator.CreateInstance(type) : null;

    private static string Written(object? value) => value switch
    {
        null => "",
        bool flag => flag ? "true" : "false",
        _ => Convert.ToString(value, CultureInfo.InvariantCulture) ?? "",
    };
}
