using System.Buffers;
using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using Weft.Attachments;
using Weft.Contracts;
using Weft.Resources;

namespace Weft.Agent.Manifests;

/// <summary>The files that a desired state asks for.</summary>
internal sealed record DesiredFiles(IReadOnlyList<DesiredFile> Manifests, IReadOnlyList<DesiredFile> NodeFiles)
{
    private const UnixFileMode WorldReadable =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    // 255 bytes are Linux's limit; the temporary name beside it takes ten.
    private const int MaxNameLength = 240;

    // No '_', so that '__' parts what it should; no '/', and no '.' first, so that a name stays in its folder and in
    // sight.
    private static readonly SearchValues<char> OfNames = SearchValues.Create(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:-"
    );

    /// <summary>Turns a desired state into files.</summary>
    /// <param name="node">The only node whose files count; null for all.</param>
    /// <returns>The files, or every fault of the desired state.</returns>
    public static Outcome<DesiredFiles> Render(DesiredStateDocument document, string? node)
    {
        var findings = new List<Refusal>();
        var manifests = new Dictionary<string, DesiredFile>(StringComparer.Ordinal);
        var nodeFiles = new Dictionary<string, DesiredFile>(StringComparer.Ordinal);
        RenderEach(document.Manifests, "manifests", manifests, findings, RenderManifest);
        foreach (var (each, at) in Items(document.Nodes, "nodes", findings))
        {
            if (each.Name is not { } name || !DnsLabel.IsSubdomain(name))
                findings.Add(Invalid($"{at}.name", "it must be a node's name"));
            else if (node is null || node == name)
                RenderEach(
                    each.Files,
                    $"{at}.files",
                    nodeFiles,
                    findings,
                    (file, where) => RenderNodeFile(name, file, where)
                );
        }

        return findings.Count > 0
            ? Refusal.Combine(findings, "desired")
            : new DesiredFiles([.. manifests.Values], [.. nodeFiles.Values]);
    }

    private static void RenderEach<T>(
        ImmutableArray<T>? items,
        string path,
        Dictionary<string, DesiredFile> files,
        List<Refusal> findings,
        Func<T, string, Outcome<DesiredFile>> render
    )
    {
        foreach (var (each, at) in Items(items, path, findings))
        {
            if (!render(each, at).TryGet(out var file, out var refusal))
                findings.Add(refusal);
            else if (!files.TryAdd(file.Path, file))
                findings.Add(Invalid(at, $"another one is '{file.Path}' as well"));
        }
    }

    // A list that is missing is not an empty one: read as empty it would take away all there is.
    private static IEnumerable<(T Each, string At)> Items<T>(
        ImmutableArray<T>? items,
        string path,
        List<Refusal> findings
    )
    {
        if (items is { } found)
            return found.Select((each, i) => (each, $"{path}[{i}]"));
        findings.Add(new Refusal(RefusalCode.MissingMember, $"the desired state has no list '{path}'", path));
        return [];
    }

    private static Outcome<DesiredFile> RenderManifest(JsonElement manifest, string at)
    {
        var metadata = manifest.Member("metadata");
        if (manifest.Text("kind") is not { } kind || metadata.Text("name") is not { } name)
            return Invalid(at, "a manifest needs 'kind' and 'metadata.name'");
        var space = metadata.Text("namespace");
        if (new[] { kind, name, space ?? "default" }.FirstOrDefault(part => !IsName(part)) is { } odd)
            return Invalid(at, $"'{odd}' can be no part of a file's name");
        var path = $"{space ?? "_cluster"}__{kind.ToLowerInvariant()}__{name}.json";
        if (path.Length > MaxNameLength)
            return Invalid(at, $"'{path}' is too long for a file's name");
        return new DesiredFile(path, ManifestJson.Serialize(manifest), WorldReadable);
    }

    private static Outcome<DesiredFile> RenderNodeFile(string node, DesiredFileEntry file, string at)
    {
        if (file is not { Path: { } path, Content: { } content })
            return Invalid(at, "a file needs 'path' and 'content'");
        if (!path.StartsWith('/') || path.Length > 1024 || !path[1..].Split('/').All(IsPart))
            return Invalid($"{at}.path", $"'{path}' must be an absolute path without '.', '..' and empty parts");
        if (file.Mode is not { } mode || !IsMode(mode))
            return Invalid($"{at}.mode", "it must be three octal digits, such as '0600'");
        return new DesiredFile(
            $"{node}{path}",
            Encoding.UTF8.GetBytes(content),
            (UnixFileMode)Convert.ToInt32(mode, 8)
        );
    }

    private static bool IsName(string text) =>
        text.Length > 0 && text[0] != '.' && !text.AsSpan().ContainsAnyExcept(OfNames);

    private static bool IsPart(string text) =>
        text is not ("" or "." or "..") && text.Length <= MaxNameLength && !text.Any(char.IsControl);

    // Neither set-user-id, set-group-id nor sticky: nothing that is rendered needs them.
    private static bool IsMode(string text) =>
        (text.Length == 3 || (text.Length == 4 && text[0] == '0')) && !text.AsSpan().ContainsAnyExceptInRange('0', '7');

    private static Refusal Invalid(string at, string why) =>
        new(RefusalCode.InvalidMember, $"{at} of the desired state is not drawn: {why}", at);
}
