using System.CommandLine;
using System.CommandLine.Completions;
using System.Globalization;
using Weft.Cli.Kinds;
using Weft.Cli.Output;
using Weft.Resources;
using Weft.Storage;

namespace Weft.Cli.Commands;

/// <summary>
/// <c>weft explain KIND[.path]</c>: the members of a kind, from the same rows that the server checks bodies with.
/// </summary>
internal static class ExplainCommand
{
    /// <summary>Builds the command.</summary>
    public static Command Build(CommandContext cli)
    {
        var what = new Argument<string>("KIND")
        {
            HelpName = "KIND[.path]",
            Description = "A kind, or a member of it: l3networks.properties.vlan",
        };
        what.CompletionSources.Add(_ => AllKinds.List.All.Select(kind => new CompletionItem(kind.Plural)));
        var command = new Command("explain", "Explain the members of a kind") { what };
        cli.SetAction(
            command,
            session =>
            {
                session.GetFormat(OutputFormat.Table);
                var words = session.Parsed.GetValue(what)!;
                var dot = words.IndexOf('.', StringComparison.Ordinal);

                // A type as ARM spells it has a dot in its namespace.
                if (words.Contains('/', StringComparison.Ordinal))
                    dot = words.IndexOf('.', words.LastIndexOf('/'));
                var kind = KindTable.Require(dot < 0 ? words : words[..dot]);
                var rows =
                    AllKinds.List.Find(kind.Type)
                    ?? throw new CliError(
                        $"a {kind.Singular} has no members to declare: the server makes it",
                        next: $"weft get {kind.Plural} -o yaml"
                    );
                if (dot < 0)
                    WriteKind(session, kind, rows);
                else
                    WriteMember(session, kind, rows.Schema, words[(dot + 1)..]);
                return ExitCode.Success;
            }
        );
        return command;
    }

    private static void WriteKind(CommandSession session, Kind kind, ResourceKind rows)
    {
        session.Out.WriteLine($"{kind.Plural}  {kind.Type}", TextStyle.Heading);
        session.Out.WriteLine(
            $"names: {string.Join(", ", kind.Names)}; api-versions: {string.Join(", ", rows.ApiVersions)}"
        );
        if (kind.Parent is { } parent)
            session.Out.WriteLine($"parent: a {parent.Singular}");
        if (rows.IsCreatedByServer)
            session.Out.WriteLine("only the server makes it");
        session.Out.WriteLine("");
        WriteTable(session, rows.Schema.Members);
    }

    private static void WriteMember(CommandSession session, Kind kind, Schema schema, string path)
    {
        var member =
            schema.Find(path)
            ?? throw CliError.Usage($"a {kind.Singular} has no member '{path}'", $"weft explain {kind.Plural}");
        session.Out.WriteLine($"{kind.Plural}.{path}  {TypeOf(member)}", TextStyle.Heading);
        if (member.Description.Length > 0)
            session.Out.WriteLine(member.Description);
        foreach (var fact in FactsOf(member))
            session.Out.WriteLine(fact);
        var members = member.Element?.Members ?? member.Members;
        if (members.IsDefaultOrEmpty)
            return;
        session.Out.WriteLine("");
        WriteTable(session, members);
    }

    private static IEnumerable<string> FactsOf(SchemaMember member)
    {
        if (ConstraintsOf(member) is { Length: > 0 } when)
            yield return $"when: {when}";
        if (member.DefaultJson is { } standard)
            yield return $"default: {standard}";
        if (member.EnumValues.Length > 0)
            yield return $"one of: {string.Join(", ", member.EnumValues)}";
        if (member.Min is not null || member.Max is not null)
            yield return $"from {FormatBound(member.Min)} to {FormatBound(member.Max)}";
        if (member.PatternRegex is { } pattern)
            yield return $"matches: {pattern}";
        if (member.RefersTo.Length > 0)
            yield return $"refers to: {string.Join(", ", member.RefersTo.Select(NameOf))}";
    }

    private static string FormatBound(long? bound) => bound?.ToString(CultureInfo.InvariantCulture) ?? "any";

    private static string NameOf(ResourceType type) => KindTable.FindByType(type)?.Plural ?? type.ToString();

    private static void WriteTable(CommandSession session, IEnumerable<SchemaMember> members)
    {
        var rows = new List<string[]>();
        AddRows(rows, members, 0);
        TableText.Write(session.Out, ["MEMBER", "TYPE", "WHEN", "DEFAULT", "MEANING"], rows);
    }

    private static void AddRows(List<string[]> rows, IEnumerable<SchemaMember> members, int depth)
    {
        foreach (var member in members)
        {
            rows.Add([
                new string(' ', depth * 2) + member.Name,
                TypeOf(member),
                ConstraintsOf(member),
                member.DefaultJson ?? "",
                member.Description,
            ]);
            AddRows(rows, member.Element?.Members ?? member.Members, depth + 1);
        }
    }

    private static string ConstraintsOf(SchemaMember member)
    {
        var change = member.Mutability switch
        {
            Mutability.CreateOnly => "at creation",
            Mutability.ReadOnly => "read-only",
            Mutability.Secret => "never shown",
            _ => "",
        };
        return string.Join(", ", new[] { member.IsRequired ? "required" : "", change }.Where(word => word.Length > 0));
    }

    private static string TypeOf(SchemaMember member) =>
        member.Type switch
        {
            MemberType.Integer => "number",
            MemberType.BooleanString => "\"True\"|\"False\"",
            MemberType.Boolean => "true|false",
            MemberType.Enum => string.Join('|', member.EnumValues),
            MemberType.List => $"list of {(member.Element is { } element ? TypeOf(element) : "any")}",
            MemberType.Object => "object",
            _ => member.Type.ToString().ToLowerInvariant(),
        };
}
