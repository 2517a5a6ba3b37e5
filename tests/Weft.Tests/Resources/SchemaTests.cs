using System.Text.Json;
using System.Text.Json.Nodes;
using Weft.Resources;

namespace Weft.Tests.Resources;

public sealed class SchemaTests
{
    private static readonly ResourceType Network = new("Microsoft.NetworkCloud", "l3Networks");

    private static readonly Schema Sample = new([
        SchemaMember.Text("location").Required().Immutable().Range(1, 5),
        new SchemaMember("tags", MemberType.Map),
        SchemaMember.Object(
            "properties",
            SchemaMember.Integer("vlan").Range(100, 4094).Immutable(),
            SchemaMember.BooleanString("on", true),
            SchemaMember.Enum("kind", "*Apple|Pear"),
            SchemaMember.Id("networkId", "", Network),
            SchemaMember.Id("free", ""),
            SchemaMember.Text("name").Pattern("^[a-z]{1,4}$"),
            SchemaMember
                .List(
                    "items",
                    SchemaMember.Object(
                        "",
                        SchemaMember.Integer("n").Required(),
                        SchemaMember.Text("password") with
                        {
                            Mutability = Mutability.Secret,
                        }
                    )
                )
                .Range(1, 2),
            SchemaMember
                .List(
                    "peers",
                    SchemaMember.Object(
                        "",
                        SchemaMember.Text("name").Required(),
                        SchemaMember.Text("password") with
                        {
                            Mutability = Mutability.Secret,
                        }
                    )
                )
                .Immutable(),
            SchemaMember.Any("any"),
            SchemaMember.Text("state").ReadOnly(),
            SchemaMember.Text("secret") with
            {
                Mutability = Mutability.Secret,
            },
            SchemaMember.Object("admin", SchemaMember.Text("user").Immutable(), SchemaMember.Text("note")),
            SchemaMember.Object("place", SchemaMember.Text("rack").Immutable(), SchemaMember.Text("row")).Immutable()
        ),
    ]);

    [Theory]
    [InlineData("vlan", "'606'", "no whole number")]
    [InlineData("vlan", "60.5", "60.5")]
    [InlineData("vlan", "1e2", "no whole number")]
    [InlineData("vlan", "99", "99 is outside of 100 to 4094")]
    [InlineData("vlan", "99999999999999999999", "99999999999999999999")]
    [InlineData("vlan", "true", "true")]
    [InlineData("on", "true", "\"True\" or \"False\"")]
    [InlineData("on", "'yes'", "'yes' is none of True, False")]
    [InlineData("kind", "'Plum'", "'Plum' is none of Apple, Pear")]
    [InlineData("kind", "1", "1")]
    [InlineData("networkId", "'n6'", "'n6' is no resource id")]
    [InlineData("networkId", "'~c/l2Networks/ha'", "expected Microsoft.NetworkCloud/l3Networks")]
    [InlineData("networkId", "{}", "{}")]
    [InlineData("name", "'abcde'", "'abcde'")]
    [InlineData("name", "'ab\\n'", "doesn't match")]
    [InlineData("name", "7", "7 is no text")]
    [InlineData("items", "[]", "0 elements; allowed are 1 to 2")]
    [InlineData("items", "[{'n':1},{'n':2},{'n':3}]", "3 elements")]
    [InlineData("items", "{}", "{} is no list")]
    [InlineData("admin", "[]", "[] is no object")]
    [InlineData("any", "null", null)]
    [InlineData("free", "'nonsense'", "'nonsense'")]
    public void Refuses_ValueThatIsNoneOfItsType(string member, string value, string? says)
    {
        var findings = FindingsOf($"{{'location':'east','properties':{{'{member}':{value}}}}}");
        if (says is null)
        {
            Assert.Empty(findings);
            return;
        }

        var finding = Assert.Single(findings);
        Assert.Equal($"properties.{member}", finding.Target);
        Assert.Contains(finding.Code, new[] { RefusalCode.InvalidMember, RefusalCode.InvalidResourceId });
        Assert.Contains(says, finding.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("properties", "{'items':[null]}", "properties.items[0]")]
    [InlineData("properties", "{'items':[{'n':1},7]}", "properties.items[1]")]
    [InlineData("tags", "{'a':1}", "tags")]
    [InlineData("tags", "{'a':null}", "tags")]
    [InlineData("tags", "{'a':'b','c':1}", "tags")]
    [InlineData("tags", "'a'", "tags")]
    public void Names_TheElementAtFault(string member, string value, string target) =>
        Assert.Equal(
            (RefusalCode.InvalidMember, target),
            Assert.Single(FindingsOf($"{{'location':'east','{member}':{value}}}").Select(f => (f.Code, f.Target)))
        );

    [Fact]
    public void Reports_AllFindingsAtOnce()
    {
        var findings = FindingsOf("{'lokation':'east','extra':1,'properties':{'vlan':5,'onn':'True','items':[{}]}}");
        Assert.Equal(
            [
                (RefusalCode.MissingMember, "location"),
                (RefusalCode.InvalidMember, "properties.vlan"),
                (RefusalCode.MissingMember, "properties.items[0].n"),
                (RefusalCode.UnknownMember, "properties.onn"),
                (RefusalCode.UnknownMember, "extra"),
                (RefusalCode.UnknownMember, "lokation"),
            ],
            findings.Select(f => (f.Code, f.Target!))
        );
        Assert.Contains(findings, f => f.Message.Contains("did you mean 'location'?", StringComparison.Ordinal));
        Assert.Contains(findings, f => f.Message.Contains("did you mean 'on'?", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("networkid", "did you mean 'networkId'?")]
    [InlineData("Vlan", "did you mean 'vlan'?")]
    [InlineData("vlna", "did you mean 'vlan'?")]
    [InlineData("zzzzzzzz", "no member 'zzzzzzzz'")]
    public void Suggests_TheNearestName_WhereThereIsOne(string name, string says)
    {
        var message = Assert.Single(FindingsOf($"{{'location':'east','properties':{{'{name}':1}}}}")).Message;
        Assert.EndsWith(says, message, StringComparison.Ordinal);
    }

    [Fact]
    public void Fills_DefaultsAndKeepsTheListsSpelling()
    {
        var body = NormaliseValid("{'location':'east','properties':{'kind':'PEAR','on':'false'}}");
        Assert.Equal("""{"location":"east","properties":{"on":"False","kind":"Pear"}}""", body.ToJsonString());
        Assert.Equal(
            """{"location":"east","properties":{"on":"True","kind":"Apple"}}""",
            NormaliseValid("{'location':'east'}").ToJsonString()
        );
        Assert.Equal(
            """{"location":"east","properties":{"on":"True","kind":"Apple"}}""",
            NormaliseValid("{'location':'east','properties':{'kind':null}}").ToJsonString()
        );
    }

    [Fact]
    public void Ignores_ReadOnlyMembers()
    {
        var body = NormaliseValid(
            "{'id':'/x','name':'n','type':'t','etag':'e','systemData':{},'location':'east','properties':{'state':'Good'}}"
        );
        Assert.Equal("""{"location":"east","properties":{"on":"True","kind":"Apple"}}""", body.ToJsonString());
    }

    [Fact]
    public void Keeps_NoProperties_WhereNoneIsTheCallers()
    {
        var schema = new Schema([
            SchemaMember.Text("location"),
            SchemaMember.Object("properties", SchemaMember.Text("state").ReadOnly()),
        ]);
        var findings = new List<Refusal>();
        foreach (var body in (string[])["{'location':'east'}", "{'location':'east','properties':{'state':'Good'}}"])
            Assert.Equal(
                """{"location":"east"}""",
                schema.Normalise(TestSite.Body(body), default, findings).ToJsonString()
            );
        Assert.Empty(findings);
    }

    [Fact]
    public void Writes_AnIdWithItsSlash() =>
        Assert.Equal(
            "/subscriptions/s/resourceGroups/g",
            NormaliseValid("{'location':'east','properties':{'free':'subscriptions/s/resourceGroups/g'}}")[
                "properties"
            ]!["free"]!.ToString()
        );

    /// <summary>The middle of a long value goes: ids begin alike and differ at their ends.</summary>
    [Theory]
    [InlineData(300, true)]
    [InlineData(301, false)]
    public void Quotes_ALongValue_ByItsEnds(int length, bool isWhole)
    {
        var value = $"'a{new string('x', length - 4)}z'";
        var message = Assert.Single(FindingsOf($"{{'location':'east','properties':{{'vlan':{value}}}}}")).Message;

        var quoted = value.Replace('\'', '"');
        Assert.Contains(isWhole ? quoted : $"{quoted[..140]}…{quoted[^140..]}", message, StringComparison.Ordinal);
        Assert.Equal(isWhole, !message.Contains('…', StringComparison.Ordinal));
    }

    [Fact]
    public void Refuses_ChangeOfCreateOnlyMember_AndNamesBothValues()
    {
        var finding = Assert.Single(
            FindingsOf("{'location':'east','properties':{'vlan':607}}", "{'location':'east','properties':{'vlan':606}}")
        );
        Assert.Equal((RefusalCode.ImmutableMember, "properties.vlan"), (finding.Code, finding.Target));
        Assert.Contains("606", finding.Message, StringComparison.Ordinal);
        Assert.Contains("607", finding.Message, StringComparison.Ordinal);
    }

    /// <summary>An object that is set at creation is one value: what is left out of it is gone, and what comes to it is new.</summary>
    [Theory]
    [InlineData("{'rack':'r1','row':'2'}", "{'row':'2'}", "rack", "it is \"r1\" and can't become absent")]
    [InlineData("{'row':'2'}", "{'rack':'r1','row':'2'}", "rack", "it is absent and can't become \"r1\"")]
    [InlineData("{'rack':'r1','row':'2'}", "{'rack':'r1','row':'3'}", "row", "it is \"2\" and can't become \"3\"")]
    public void Refuses_ChangeInsideOfACreateOnlyObject(string old, string wanted, string member, string says)
    {
        var finding = Assert.Single(
            FindingsOf(
                $"{{'location':'east','properties':{{'place':{wanted}}}}}",
                $"{{'location':'east','properties':{{'place':{old}}}}}"
            )
        );
        Assert.Equal((RefusalCode.ImmutableMember, $"properties.place.{member}"), (finding.Code, finding.Target));
        Assert.Contains(says, finding.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Says_OfACreateOnlyMemberOfAnotherType_ThatAlone()
    {
        var finding = Assert.Single(
            FindingsOf("{'properties':{'vlan':'606'}}", "{'location':'east','properties':{'vlan':606}}")
        );
        Assert.Equal((RefusalCode.InvalidMember, "properties.vlan"), (finding.Code, finding.Target));
    }

    [Fact]
    public void Refuses_CreateOnlyMemberThatIsAddedLater()
    {
        var finding = Assert.Single(
            FindingsOf(
                "{'location':'east','properties':{'vlan':607}}",
                "{'location':'east','properties':{'on':'True'}}"
            )
        );
        Assert.Equal((RefusalCode.ImmutableMember, "properties.vlan"), (finding.Code, finding.Target));
        Assert.Contains("607", finding.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Keeps_CreateOnlyMemberThatIsLeftOutOrWrittenAgain()
    {
        const string Old =
            "{'location':'east','properties':{'vlan':606,'on':'True','kind':'Apple','admin':{'user':'ann'}}}";
        Assert.Equal("606", NormaliseValid("{'properties':{}}", Old)["properties"]!["vlan"]!.ToString());
        Assert.Equal("606", NormaliseValid("{'properties':{'vlan':606}}", Old)["properties"]!["vlan"]!.ToString());
        Assert.Equal(
            "ann",
            NormaliseValid("{'properties':{'vlan':606}}", Old)["properties"]!["admin"]!["user"]!.ToString()
        );
        Assert.Equal("east", NormaliseValid("{'properties':{}}", Old)["location"]!.ToString());
    }

    [Fact]
    public void Keeps_SecretsThatWereNotSentAgain_AlsoInLists()
    {
        const string Old =
            "{'location':'east','properties':{'secret':'s3','items':[{'n':1,'password':'p1'}],'peers':[{'name':'a','password':'p2'}]}}";
        var body = NormaliseValid("{'location':'east','properties':{'items':[{'n':1}],'peers':[{'name':'a'}]}}", Old);
        Assert.Equal("s3", body["properties"]!["secret"]!.ToString());
        Assert.Equal("p1", body["properties"]!["items"]![0]!["password"]!.ToString());
        Assert.Equal("p2", body["properties"]!["peers"]![0]!["password"]!.ToString());
        Assert.Equal("s3", NormaliseValid("{'location':'east'}", Old)["properties"]!["secret"]!.ToString());
    }

    [Fact]
    public void Accepts_NewSecretInsideOfCreateOnlyMember()
    {
        var body = NormaliseValid(
            "{'location':'east','properties':{'peers':[{'name':'a','password':'new'}]}}",
            "{'location':'east','properties':{'peers':[{'name':'a','password':'old'}]}}"
        );
        Assert.Equal("new", body["properties"]!["peers"]![0]!["password"]!.ToString());
    }

    [Fact]
    public void Reveals_NoSecretInARefusal()
    {
        var finding = Assert.Single(
            FindingsOf(
                "{'location':'east','properties':{'peers':[{'name':'b','password':'hush1'}]}}",
                "{'location':'east','properties':{'peers':[{'name':'a','password':'hush2'}]}}"
            )
        );
        Assert.Equal(RefusalCode.ImmutableMember, finding.Code);
        Assert.DoesNotContain("hush", finding.Message, StringComparison.Ordinal);
        var schema = new Schema([
            SchemaMember.Text("password").Pattern("^[a-z]*$") with
            {
                Mutability = Mutability.Secret,
            },
        ]);
        var findings = new List<Refusal>();
        schema.Normalise(TestSite.Body("{'password':'Hush 3'}"), default, findings);
        schema.Normalise(TestSite.Body("{'password':123456}"), default, findings);
        Assert.Equal(2, findings.Count);
        Assert.All(findings, f => Assert.DoesNotContain("Hush", f.Message, StringComparison.Ordinal));
        Assert.All(findings, f => Assert.DoesNotContain("123456", f.Message, StringComparison.Ordinal));
    }

    [Fact]
    public void Finds_EveryReferenceWithItsPath()
    {
        var schema = new Schema([
            SchemaMember.Object(
                "properties",
                SchemaMember.List("l3Networks", SchemaMember.Object("", SchemaMember.Id("networkId", "", Network))),
                SchemaMember.Id("drawn", "", Network).ReadOnly(),
                SchemaMember.Id("free", "")
            ),
        ]);
        using var body = JsonDocument.Parse(
            TestSite
                .Body(
                    "{'properties':{'l3Networks':[{'networkId':'~c/l3Networks/a'},{'networkId':'~c/l3Networks/b'}],"
                        + "'drawn':'~c/l3Networks/c','free':'~c/l3Networks/d'}}"
                )
                .ToJsonString()
        );
        Assert.Equal(
            [("properties.l3Networks[0].networkId", "a"), ("properties.l3Networks[1].networkId", "b")],
            schema.References(body.RootElement).Select(r => (r.Path, r.Id.Name))
        );
    }

    [Theory]
    [InlineData("properties.items.n", MemberType.Integer)]
    [InlineData("PROPERTIES.Vlan", MemberType.Integer)]
    [InlineData("location", MemberType.Text)]
    internal void Finds_TheMemberOfAPath(string path, MemberType type) => Assert.Equal(type, Sample.Find(path)!.Type);

    [Theory]
    [InlineData("properties.vlam")]
    [InlineData("vlan")]
    [InlineData("properties.vlan.x")]
    public void Finds_NoMemberWhereThePathLeadsNowhere(string path) => Assert.Null(Sample.Find(path));

    [Fact]
    public void Holds_EveryKindToItsOwnSchema() =>
        Assert.All(
            Weft.Storage.AllKinds.List.All,
            kind =>
            {
                Assert.All(
                    Flatten(kind.Schema.Members),
                    member =>
                    {
                        if (member.DefaultJson is not null)
                        {
                            var findings = new List<Refusal>();
                            new Schema([member with { Mutability = Mutability.ReadWrite }]).Normalise(
                                new JsonObject { [member.Name] = member.CreateDefault() },
                                default,
                                findings
                            );
                            Assert.Empty(findings);
                        }

                        Assert.False(
                            member.IsRequired && member.DefaultJson is not null,
                            $"{kind.Noun}: {member.Name} is demanded and has a default"
                        );
                    }
                );
                Assert.Equal(kind.ApiVersions.Order(StringComparer.Ordinal), kind.ApiVersions);
                Assert.DoesNotContain("preview", kind.PreferredVersion, StringComparison.Ordinal);
                Assert.Contains(kind.PreferredVersion, kind.ApiVersions);
            }
        );

    /// <summary>What PATCH reaches beyond tags makes agents act: it is an operation then.</summary>
    [Fact]
    public void Says_OfEachKind_WhetherPatchReachesTagsAlone() =>
        Assert.All(
            Weft.Storage.AllKinds.List.All.Where(kind => !kind.IsSynchronous && !kind.IsCreatedByServer),
            kind =>
                Assert.Equal(
                    (kind.Noun, !Flatten(kind.Schema.Find("properties")?.Members ?? []).Any(m => m.IsPatchable)),
                    (kind.Noun, kind.PatchIsTagsOnly)
                )
        );

    private static IEnumerable<SchemaMember> Flatten(IEnumerable<SchemaMember> members) =>
        members.SelectMany(m => Flatten(m.Element is { } e ? [e] : m.Members).Append(m)).Where(m => m.Name.Length > 0);

    private static JsonObject NormaliseValid(string body, string? old = null)
    {
        var findings = new List<Refusal>();
        var result = Normalise(body, old, findings);
        Assert.Empty(findings);
        return result;
    }

    private static List<Refusal> FindingsOf(string body, string? old = null)
    {
        var findings = new List<Refusal>();
        Normalise(body, old, findings);
        return findings;
    }

    private static JsonObject Normalise(string body, string? old, List<Refusal> findings)
    {
        using var before = JsonDocument.Parse(TestSite.Body(old ?? "{}").ToJsonString());
        return Sample.Normalise(TestSite.Body(body), old is null ? default : before.RootElement.Clone(), findings);
    }
}
