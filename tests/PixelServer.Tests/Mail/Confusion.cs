using System.Globalization;
using System.Text;

namespace PixelServer.Tests.Mail;

/// <summary>Truth against label, opens and clicks apart.</summary>
internal sealed class Confusion
{
    private static readonly Traffic[] s_labels = [Traffic.Human, Traffic.ProxyOpen, Traffic.MachineOpen, Traffic.Prefetch, Traffic.Bot, Traffic.Unknown];
    private readonly Dictionary<(bool IsOpen, bool IsPerson, string Who, Traffic Label), int> _counts = [];

    private readonly SortedDictionary<(bool IsOpen, string Reasons), int> _losses = [];

    public int Count => _counts.Values.Sum();

    public void Add(Fetch fetch, Traffic label, IEnumerable<string> reasons)
    {
        if (fetch.IsPerson && label is not (Traffic.Human or Traffic.ProxyOpen))
        {
            var loss = (fetch.IsOpen, string.Join(", ", reasons));
            _losses[loss] = _losses.GetValueOrDefault(loss) + 1;
        }

        var key = (fetch.IsOpen, fetch.IsPerson, fetch.Who, label);
        _counts[key] = _counts.GetValueOrDefault(key) + 1;
    }

    /// <summary>Of the people's fetches, how many are labelled as such; <c>unknown</c> is a loss.</summary>
    public double Kept(bool opens) => Share(opens, isPerson: true, label => label is Traffic.Human or Traffic.ProxyOpen);

    /// <summary>Of the machines' fetches, how many are labelled as such; <c>unknown</c> is a miss.</summary>
    public double Found(bool opens) => Share(opens, isPerson: false, label => label is Traffic.MachineOpen or Traffic.Prefetch or Traffic.Bot);

    public override string ToString()
    {
        var text = new StringBuilder();
        foreach (var opens in (bool[])[true, false])
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"{(opens ? "opens" : "clicks"),-42}{string.Concat(s_labels.Select(label => $"{Names.Of(label),14}"))}");
            foreach (var person in (bool[])[true, false])
            {
                Line($"{(person ? "people" : "machines")}: {(person ? Kept(opens) : Found(opens)):P2} {(person ? "kept" : "found")}", key => key.IsOpen == opens && key.IsPerson == person);
                if (person) foreach (var loss in _losses.Where(one => one.Key.IsOpen == opens)) text.AppendLine(CultureInfo.InvariantCulture, $"  lost to {loss.Key.Reasons}: {loss.Value}");
                foreach (var who in _counts.Keys.Where(key => key.IsOpen == opens && key.IsPerson == person).Select(key => key.Who).Distinct().Order(StringComparer.Ordinal))
                    Line("  " + who, key => key.IsOpen == opens && key.IsPerson == person && key.Who == who);
            }
        }

        return text.ToString();

        void Line(string name, Func<(bool IsOpen, bool IsPerson, string Who, Traffic Label), bool> of) => text.AppendLine(CultureInfo.InvariantCulture,
            $"{name,-42}{string.Concat(s_labels.Select(label => $"{_counts.Where(one => of(one.Key) && one.Key.Label == label).Sum(one => one.Value),14}"))}");
    }

    private double Share(bool opens, bool isPerson, Func<Traffic, bool> right)
    {
        var all = _counts.Where(one => one.Key.IsOpen == opens && one.Key.IsPerson == isPerson).ToList();
        return all.Where(one => right(one.Key.Label)).Sum(one => one.Value) / (double)all.Sum(one => one.Value);
    }
}
