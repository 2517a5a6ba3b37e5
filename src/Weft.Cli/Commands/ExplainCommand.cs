using System.CommandLine;
using Weft.Cli.Kinds;
using Weft.Cli.Output;
using Weft.Resources;
using Weft.Storage;

namespace Weft.Cli.Commands;

/// <summary><c>weft explain KIND[.path]</c>: the members of a kind, from the same rows that the server checks bodies with.</summary>
internal static class ExplainCommand
{
    /// <summary>Builds the command.</summary>
    public static Command Build(Shell shell)
    {
        var what = new Argument<string>("KIND") { HelpName = "KIND[.path]", Description = "A kind, or a member of it: l3networks.properties.vlan" };
        what.CompletionSources.Add(_ => AllKinds.List.All.Select(kind => KindTable.Of(kind.Type)?.Plural ?? kind.Type.ToString()).Select(name => new System.CommandLine.Completions.CompletionItem(name)));
        var command = new Command("explain", "Explain the members of a kind") { what };
        shell.Does(command, session =>
        {
            session.Format(OutputFormat.Table);
            var words = session.Parsed.GetValue(what)!;
            var dot = words.IndexOf('.', StringComparison.Ordinal);

            // A type as ARM spells it has a dot in its namespace.
            if (words.Contains('/', StringComparison.Ordinal))
                dot = words.IndexOf('.', words.LastIndexOf('/'));
            var kind = KindTable.Need(dot < 0 ? words : words[..dot]);
            var rows = AllKinds.List.Find(kind.Type) ?? throw new Complaint($"a {kind.Singular} has no members to declare: the server makes it", next: $"weft get {kind.Plural} -o yaml");
            if (dot < 0)
                Whole(session, kind, rows);
            else
                Part(session, kind, rows.Shape, words[(dot + 1)..]);
            return ExitCode.Done;
        });
        return command;
    }

    private static void Whole(Session session, Kind kind, ResourceKind rows)
    {
        session.Out.Line($"{kind.Plural}  {kind.Type}", Ink.Heading);
        session.Out.Line($"names: {string.Join(", ", kind.Names)}; api-versions: {string.Join(", ", rows.ApiVersions)}");
        if (kind.Parent is { } parent)
            session.Out.Line($"parent: a {parent.Singular}");
        if (rows.MadeByServer)
            session.Out.Line("only the server makes it");
        session.Out.Line("");
        Table(session, rows.Shape.Members);
    }

    private static void Part(Session session, Kind kind, Shape shape, string path)
    {
        var member = shape.Find(path) ?? throw Complaint.OfUsage($"a {kind.Singular} has no member '{path}'", $"weft explain {kind.Plural}");
        session.Out.Line($"{kind.Plural}.{path}  {TypeOf(member)}", Ink.Heading);
        if (member.Says.Length > 0)
            session.Out.Line(member.Says);
        foreach (var fact in Facts(member))
            session.Out.Line(fact);
        var members = member.Element?.Members ?? member.Members;
        if (members.IsDefaultOrEmpty)
            return;
        session.Out.Line("");
        Table(session, members);
    }

    private static IEnumerable<string> Facts(Member member)
    {
        if (When(member) is { Length: > 0 } when)
            yield return $"when: {when}";
        if (member.Default is { } standard)
            yield return $"default: {standard}";
        if (member.Values.Length > 0)
            yield return $"one of: {string.Join(", ", member.Values)}";
        if (member.Min is not null || member.Max is not null)
            yield return $"from {member.Min?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "any"} to {member.Max?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "any"}";
        if (member.Pattern is { } pattern)
            yield return $"matches: {pattern}";
        if (member.RefersTo.Length > 0)
            yield return $"refers to: {string.Join(", ", member.RefersTo.Select(type => KindTable.Of(type)?.Plural ?? type.ToString()))}";
    }

    private static void Table(Session session, IEnumerable<Member> members)
    {
        var rows = new List<string[]>();
        Add(rows, members, 0);
        TableText.Write(session.Out, ["MEMBER", "TYPE", "WHEN", "DEFAULT", "MEANING"], rows);
    }

    private static void Add(List<string[]> rows, IEnumerable<Member> members, int depth)
    {
        foreach (var member in members)
        {
            rows.Add([new string(' ', depth * 2) + member.Name, TypeOf(member), When(member), member.Default ?? "", member.Says]);
            Add(rows, member.Element?.Members ?? member.Members, depth + 1);
        }
    }

    private static string When(Member member)
    {
        var change = member.Mutability switch
        {
            Mutability.CreateOnly => "at creation",
            Mutability.ReadOnly => "read-only",
            Mutability.Secret => "never shown",
            _ => "",
        };
        return string.Join(", ", new[] { member.Required ? "required" : "", change }.Where(word => word.Length > 0));
    }

    private static string TypeOf(Member member) => member.Type switch
    {
        MemberType.Whole => "number",
        MemberType.Flag => "\"True\"|\"False\"",
        MemberType.Boolean => "true|false",
        MemberType.Choice => string.Join('|', member.Values),
        MemberType.List => $"list of {(member.Element is { } element ? TypeOf(element) : "any")}",
        MemberType.Group => "object",
        _ => member.Type.ToString().ToLowerInvariant(),
    };
}
