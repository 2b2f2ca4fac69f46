using System.Data.Common;

namespace PixelServer.Store;

/// <summary>What differs between the two stores where persons are concerned; the rest is the same SQL. Two implementations.</summary>
internal abstract class PersonDialect
{
    public abstract string Name { get; }

    public abstract Task<DbConnection> OpenAsync(CancellationToken ct);

    /// <summary>A transaction that writes, with the bounds of the store on it.</summary>
    public abstract Task<DbTransaction> BeginAsync(DbConnection connection, CancellationToken ct);

    /// <summary>Makes a command; <c>{visitors}</c> and the like become the store's own words.</summary>
    public DbCommand Command(DbConnection connection, DbTransaction? transaction, string sql, params ReadOnlySpan<(string Name, object Value)> values)
    {
        var command = connection.CreateCommand();
        command.Transaction = transaction;
        command.CommandText = sql
            .Replace("{named}", Named, StringComparison.Ordinal).Replace("{visitor_of_from}", VisitorOf("from_id"), StringComparison.Ordinal)
            .Replace("{visitor_ids}", In("visitor_ids"), StringComparison.Ordinal).Replace("{visitors}", In("visitors"), StringComparison.Ordinal)
            .Replace("{users}", In("users"), StringComparison.Ordinal).Replace("{emails}", In("emails"), StringComparison.Ordinal)
            .Replace("{event_ids}", In("event_ids"), StringComparison.Ordinal).Replace("{relation}", Relation, StringComparison.Ordinal);
        command.CommandTimeout = 0; // bounded by whoever waits
        foreach (var (name, value) in values) Add(command, name, value);
        return command;
    }

    /// <summary>With the parameters of a person, and of events of theirs that were found before.</summary>
    public DbCommand Command(DbConnection connection, DbTransaction? transaction, string sql, PersonIds person, IReadOnlyList<Guid>? events = null)
    {
        var command = Command(connection, transaction, sql, ("site", person.Site));
        Add(command, "visitors", person.Visitors.Select(id => id.ToString("D")).ToArray());
        Add(command, "visitor_ids", Ids(person.Visitors));
        Add(command, "users", person.Users.ToArray());
        Add(command, "emails", person.Emails.ToArray());
        Add(command, "phones", person.Phones.ToArray());
        Add(command, "external_ids", person.ExternalIds.ToArray());
        Add(command, "devices", person.Devices.ToArray());
        Add(command, "event_ids", Ids(events ?? []));
        return command;
    }

    /// <summary>For a question to which only a Bloom filter leads: the planner does not know how few rows that lets through. Null where none is needed.</summary>
    public virtual Task<DbTransaction?> BeginByIndexAsync(DbConnection connection, CancellationToken ct) => Task.FromResult<DbTransaction?>(null);

    /// <summary>Takes what was deleted out of what stays of the files, as far as the store can.</summary>
    /// <param name="relations">What held rows.</param>
    /// <param name="ct">Gives up.</param>
    public abstract Task CleanAsync(IReadOnlyCollection<string> relations, CancellationToken ct);

    /// <summary>The person_id of an identifier, and everything that is this person's.</summary>
    public abstract Task<(string Person, IReadOnlyList<(string Kind, string Id)> Members)> MembersAsync(DbConnection connection, string site, string kind, string id, CancellationToken ct);

    /// <summary>Rows of a table as one JSON object each, with the names of the columns.</summary>
    public abstract Task<string> SelectJsonAsync(DbConnection connection, string table, string where, CancellationToken ct);

    /// <summary>A value of the store's own type.</summary>
    public abstract object Of(Guid id);

    public abstract object Of(DateTimeOffset at);

    public abstract DateTimeOffset Time(DbDataReader row, int column);

    /// <summary>The condition that an event names one of the person's beside its columns, over <c>name</c>, <c>site_id</c> and <c>properties</c>; may hold the other placeholders.</summary>
    protected abstract string Named { get; }

    /// <summary>The partition in which a row stands; null where that is its table.</summary>
    protected abstract string Relation { get; }

    /// <summary>The visitor's id that <see cref="VisitorIds"/> makes of a text, as text.</summary>
    protected abstract string VisitorOf(string id);

    /// <summary>The words of a comparison with a list.</summary>
    protected abstract string In(string parameter);

    protected abstract object List<T>(T[] values);

    protected abstract object Ids(IReadOnlyList<Guid> ids);

    private void Add(DbCommand command, string name, object value)
    {
        var parameter = command.CreateParameter();
        parameter.ParameterName = name;
        parameter.Value = value is string[] texts ? List(texts) : value;
        command.Parameters.Add(parameter);
    }
}
