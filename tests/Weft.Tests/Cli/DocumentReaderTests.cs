using Weft.Cli;
using Weft.Cli.Contexts;
using Weft.Cli.Documents;
using Weft.Cli.Primitives;

namespace Weft.Tests.Cli;

public sealed class DocumentReaderTests : IDisposable
{
    private const string Group = CommandLine.Group;

    private readonly CommandLine _weft = new();

    public void Dispose() => _weft.Dispose();

    [Theory]
    [InlineData("type: l3n\nname: n6\n", "/providers/Microsoft.NetworkCloud/l3Networks/n6")]
    [InlineData(
        "type: Microsoft.NetworkCloud/l3Networks\nname: n6\n",
        "/providers/Microsoft.NetworkCloud/l3Networks/n6"
    )]
    [InlineData(
        "type: agentpools\nname: core-east/pool1\n",
        "/providers/Microsoft.NetworkCloud/kubernetesClusters/core-east/agentPools/pool1"
    )]
    [InlineData(
        "type: agentpools\nname: pool1\nparent: core-east\n",
        "/providers/Microsoft.NetworkCloud/kubernetesClusters/core-east/agentPools/pool1"
    )]
    [InlineData(
        "type: internalnetworks\nname: n6\n"
            + "parent: /subscriptions/sub/resourceGroups/site/providers/Microsoft.ManagedNetworkFabric/"
            + "l3IsolationDomains/cp\n",
        "/providers/Microsoft.ManagedNetworkFabric/l3IsolationDomains/cp/internalNetworks/n6"
    )]
    [InlineData("type: resourcegroups\nname: site\n", "")]
    public void Names_Resource_ByTypeAndName(string yaml, string id) =>
        Assert.Equal(Group + id, Assert.Single(Read(yaml)).Id.ToString());

    [Fact]
    public void Keeps_BodyWithoutEnvelope()
    {
        var document = Assert.Single(
            Read("type: l3n\nname: n6\napiVersion: 2025-09-01\nlocation: lab\nproperties: {vlan: 606}\n")
        );
        Assert.Equal("2025-09-01", document.ApiVersion);
        Assert.Equal(
            "{\"location\":\"lab\",\"properties\":{\"vlan\":606}}",
            JsonFormatter.Compact(document.ToPutBody())
        );
    }

    [Theory]
    [InlineData("l3n", "{\"properties\":{\"on\":\"True\",\"list\":[\"False\",{\"in\":\"True\"}],\"said\":\"True\"}}")]
    [InlineData(
        "Microsoft.Relay/namespaces",
        "{\"properties\":{\"on\":true,\"list\":[false,{\"in\":true}],\"said\":\"True\"}}"
    )]
    public void Converts_BooleansOfYaml_AsTheProviderDoes(string type, string json) =>
        Assert.Equal(
            json,
            JsonFormatter.Compact(
                Assert
                    .Single(
                        Read(
                            $"type: {type}\nname: nsite1\nproperties: {{on: true, list: [False, {{in: TRUE}}], said: \"True\"}}\n"
                        )
                    )
                    .ToPutBody()
            )
        );

    [Fact]
    public void Strips_EnabledState_FromPutButNotFromPlan()
    {
        var document = Assert.Single(Read("type: l3isd\nname: cp\nproperties: {administrativeState: Enabled}\n"));
        Assert.True(document.ShouldBeEnabled);
        Assert.Equal("{\"properties\":{}}", JsonFormatter.Compact(document.ToPutBody()));
        Assert.Equal("Enabled", document.ToPlanRequest()["properties"]!["administrativeState"]!.ToString());
    }

    [Fact]
    public void Reads_JsonAsWritten_WithListsOfEitherForm()
    {
        var list = _weft.WriteFile(
            "a.json",
            "{\"value\":[{\"type\":\"l3n\",\"name\":\"n1\",\"properties\":{\"flag\":true}}]}"
        );
        var array = _weft.WriteFile("b.json", "[{\"type\":\"l3n\",\"name\":\"n2\"}]");
        var documents = DocumentReader.Read([list, array], TextReader.Null, Settings);
        Assert.Equal(["n1", "n2"], documents.Select(d => d.Id.Name));
        Assert.Equal("{\"properties\":{\"flag\":true}}", JsonFormatter.Compact(documents[0].ToPutBody()));
    }

    [Fact]
    public void Reads_JsonFromStdin_ByItsBracket()
    {
        using var stdin = new StringReader("\n {\"type\":\"l3n\",\"name\":\"n1\",\"tags\":{\"a\":\"\\ud83d\\ude00\"}}");
        Assert.Equal(
            "\U0001F600",
            Assert.Single(DocumentReader.Read(["-"], stdin, Settings)).Body["tags"]!["a"]!.ToString()
        );
    }

    [Fact]
    public void Reads_DirectoryInOrder_LeavingOutOthersAndHidden()
    {
        _weft.WriteFile("site/b.yml", "type: l3n\nname: n2\n");
        _weft.WriteFile("site/a/z.yaml", "type: l3n\nname: n1\n");
        _weft.WriteFile("site/notes.txt", "no: yaml: here");
        _weft.WriteFile("site/.git/x.yaml", "no: yaml: here");
        Assert.Equal(
            ["n1", "n2"],
            DocumentReader.Read([_weft.PathOf("site")], TextReader.Null, Settings).Select(d => d.Id.Name)
        );
    }

    [Fact]
    public void Refuses_AllFindingsOfAllFiles_AtOnce()
    {
        var a = _weft.WriteFile(
            "a.yaml",
            "type: l3netwroks\nname: n6\n---\nname: n7\n---\n- 5\n---\ntype: l3n\nname: 6\n"
        );
        var b = _weft.WriteFile("b.json", "{\n  \"type\": \"l3n\",\n  \"name\": \"x\",\n  \"name\": \"y\"\n}");
        var c = _weft.WriteFile("c.json", "{\"type\": \"l3n\",\n \"name\": }");
        var cliError = Assert.Throws<CliError>(() =>
            DocumentReader.Read([a, b, c, _weft.PathOf("none.yaml")], TextReader.Null, Settings)
        );
        Assert.Equal(1, cliError.Exit);
        Assert.Equal("the documents have 7 errors; nothing was sent", cliError.Message);
        Assert.Equal(
            [
                $"{a}:1:1: there is no type 'l3netwroks': did you mean l3networks or l2networks?",
                $"{a}:4:1: 'type' is missing: a resource has 'id', or 'type' and 'name'",
                $"{a}:6:3: a resource is an object with 'id', or with 'type' and 'name'",
                $"{a}:9:1: 'name' must be a text: put it in quotes",
                $"{b}:4:3: 'name' is given twice",
                $"{c}:2:10: no JSON: '}}' is an invalid start of a value",
                $"{_weft.PathOf("none.yaml")}: there is no such file or directory",
            ],
            cliError.Findings.Order(StringComparer.Ordinal)
        );
    }

    [Fact]
    public void Refuses_SameResourceTwice_NamingBothPlaces()
    {
        var file = _weft.WriteFile(
            "a.yaml",
            $"type: l3n\nname: n6\n---\nid: {Group}/providers/microsoft.networkcloud/L3NETWORKS/N6\n"
        );
        var cliError = Assert.Throws<CliError>(() => DocumentReader.Read([file], TextReader.Null, Settings));
        Assert.Equal([$"{file}:4:1: l3networks/N6 is declared at {file}:1:1 already"], cliError.Findings);
    }

    [Theory]
    [InlineData(
        "type: agentpools\nname: pool1\n",
        "2:1: which kubernetescluster is 'pool1' of? Write PARENT/pool1, or 'parent'"
    )]
    [InlineData("type: l3n\nname: n6\nparent: x\n", "3:1: a l3network has no parent")]
    [InlineData(
        "id: n6\n",
        "1:1: 'n6' is no resource id; write /subscriptions/SUB/resourceGroups/GROUP/providers/NAMESPACE/TYPE/NAME"
    )]
    public void Refuses_ResourceWithoutIdentity(string yaml, string finding)
    {
        var file = _weft.WriteFile("a.yaml", yaml);
        var cliError = Assert.Throws<CliError>(() => DocumentReader.Read([file], TextReader.Null, Settings));
        Assert.Equal([$"{file}:{finding}"], cliError.Findings);
    }

    private static Settings Settings => new(null, null, null, null, "sub", "site");

    private IReadOnlyList<Weft.Cli.Documents.Document> Read(string yaml) =>
        DocumentReader.Read([_weft.WriteFile("one.yaml", yaml)], TextReader.Null, Settings);
}
