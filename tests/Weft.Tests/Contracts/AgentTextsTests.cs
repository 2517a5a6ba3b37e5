using System.Collections.Immutable;
using System.Reflection;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Weft.Addressing;
using Weft.Attachments.Verification;
using Weft.Contracts;
using Weft.Fleet;
using Weft.Resources;

namespace Weft.Tests.Contracts;

/// <summary>
/// Each text of each message that weftd reads has a bound: the messages are found by their readers, their texts by their
/// members.
/// </summary>
public sealed class AgentTextsTests
{
    private const string Network = "/subscriptions/s/resourceGroups/g/providers/Microsoft.NetworkCloud/l3Networks/n6";

    /// <summary>Far more than any text may have, and far less than a body may.</summary>
    private const int Long = 100_000;

    private static readonly LeaseHolder Holder = new(ResourceId.Parse(Network).Value, "c", "net1");

    /// <summary>Each message with all of its texts, and its reader.</summary>
    private static readonly (
        Type Type,
        byte[] Sample,
        Func<JsonObject, (object? Value, Refusal? Refusal)> Read
    )[] Messages =
    [
        Message(
            new EnrolmentRequest("w1", new string('0', 64), "w1", "0.1.0"),
            m => m.ToBytes(),
            EnrolmentRequest.Read
        ),
        Message(
            new StatusReport("sha256-1", 1, StatusReport.Failed, "m", "w1", "0.1.0")
            {
                Drift = [new DriftFinding("a", "b", true, "2026-01-02T03:04:05Z")],
                CertificateAuthority = "pem",
            },
            m => m.ToBytes(),
            ReadStatus
        ),
        Message(
            new PodLeaseRequest(Holder)
            {
                Namespace = "core",
                Pod = "upf-0",
                Uid = "u",
                Node = "w1",
                Claim = "vm-a",
                Ips = [Address.Parse("10.20.6.4").Value],
                Order = new RequestOrder("s", 1, 1),
            },
            m => m.ToBytes(),
            PodLeaseRequest.Read
        ),
        Message(
            new LeaseRegistration(
                "e",
                0,
                true,
                [new RegisteredLease(Holder, "core/upf-0", [Address.Parse("10.20.6.4").Value]) { Uid = "u" }]
            )
            {
                Owner = "o",
                Blocks = [new OwnedBlock("b1", Network, ["10.20.6.64/28"])],
            },
            m => m.ToBytes(),
            LeaseRegistration.Read
        ),
        Message(
            new BlockReport(
                "o",
                1,
                "m",
                "b",
                [new OwnedBlock("b1", Network, ["10.20.6.64/28"])],
                [new BlockLease(Network, "c", "net1", ["10.20.6.64"], "core/upf-0", "u")],
                [new BlockWant(Network, 4)]
            )
            {
                Session = "s",
                Sequence = 1,
                Oldest = 1,
            },
            m => m.ToBytes(),
            BlockReport.Read
        ),
        Message(
            new ServiceAccountIssuer(
                "https://kubernetes",
                JsonNode.Parse("""{"keys":[{"kty":"RSA","kid":"k","n":"AQ","e":"AQAB"}]}""")!.AsObject()
            ),
            m => Json.ToUtf8(m.ToJson()),
            ServiceAccountIssuer.Read
        ),
        Message(new CredentialRequest(new string('0', 64)), m => m.ToBytes(), CredentialRequest.Read),
        Message(
            new EnrolmentTokenRequest("w1", "w1", false, 15),
            m => Json.ToUtf8(m.ToJson()),
            body => EnrolmentTokenRequest.Read(body, "c1")
        ),
        Message(
            new InquiryReport(
                [new PodObservation(PodState.Present, "u", "w1", "default", KubeNodeState.Ready)],
                [new HolderObservation(HolderState.Held, SandboxState.Present)]
            ),
            m => m.ToBytes(),
            InquiryReport.Read
        ),
        Message(
            new VerificationReport(
                "w1",
                "e",
                [new InterfaceReport(Network, "net1", [new Check(CheckHop.Up, CheckState.Failed, "m", "IPv4")])]
            ),
            m => Json.ToUtf8(m.ToJson()),
            AgentTexts.ReadVerification
        ),
    ];

    /// <summary>What weftd reads is what can be read of a body; the rest are answers of weftd's own.</summary>
    [Fact]
    public void Knows_EachMessageThatWeftdReads()
    {
        Type[] answers = [typeof(EnrolmentTokenResponse), typeof(VerificationResponse), typeof(PlanResponse)];
        var readers = typeof(StatusReport)
            .Assembly.GetTypes()
            .Where(type => type.Namespace == typeof(StatusReport).Namespace)
            .Where(type =>
                type.GetMethods(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic)
                    .Any(method =>
                        method.Name.StartsWith("Read", StringComparison.Ordinal)
                        && method.GetParameters().FirstOrDefault()?.ParameterType == typeof(JsonObject)
                        && method.ReturnType != typeof(Task)
                    )
            )
            // The order is a part of a request, a batch's items are such requests, the texts are what is tested here, and the
            // rest reads any message.
            .Except([
                typeof(RequestOrder),
                typeof(LeaseBatchBody),
                typeof(AgentTexts),
                typeof(ContractReader),
                .. answers,
            ]);
        Assert.Equal(
            Messages
                .Select(message => message.Type)
                .Except([typeof(VerificationReport)])
                .Select(type => type.Name)
                .Order(),
            readers.Select(type => type.Name).Order()
        );
    }

    [Fact]
    public void Has_EachTextOfAMessage_InItsSample()
    {
        foreach (var (type, sample, _) in Messages)
        {
            var written = Encoding.UTF8.GetString(sample);
            Assert.All(
                TextMembersOf(type),
                name => Assert.Contains($"\"{name}\":", written, StringComparison.OrdinalIgnoreCase)
            );
        }
    }

    [Fact]
    public void Refuses_EachTextThatIsTooLong()
    {
        foreach (var (type, sample, read) in Messages)
        {
            Assert.Null(read(Parse(sample)).Refusal);
            foreach (var path in TextsOf(Parse(sample), []))
            {
                var body = Parse(sample);
                Replace(body, path);
                var (value, refusal) = read(body);
                // Either it is refused, or what is too long isn't in what was read.
                Assert.True(
                    refusal is not null || LongestOf(value!) <= 4096,
                    $"{type.Name} takes {Long} characters in {string.Join('.', path)}"
                );
                Assert.True(refusal is null || refusal.Message.Length < 2048, refusal?.Message);
            }
        }
    }

    /// <summary>At the bound it is taken, and one more is refused by its path.</summary>
    [Fact]
    public void Takes_TextsAsLongAsTheyMayBe()
    {
        foreach (
            var (bounds, type) in ((ImmutableArray<TextBound>, Type)[])
                [(AgentTexts.Status, typeof(StatusReport)), (AgentTexts.Verification, typeof(VerificationReport))]
        )
        {
            var (_, sample, read) = Messages.Single(message => message.Type == type);
            foreach (var bound in bounds.Where(bound => bound.Path is not "state"))
            {
                object[] path = [.. bound.Path.Split('.').SelectMany(Steps)];
                var body = Parse(sample);
                Replace(body, path, bound.Most);
                Assert.Null(read(body).Refusal);
                Replace(body, path, bound.Most + 1);
                var refusal = read(body).Refusal!;
                Assert.Equal(
                    (RefusalCode.InvalidMember, bound.Path.Replace("[]", "[0]", StringComparison.Ordinal)),
                    (refusal.Code, refusal.Target)
                );
            }
        }

        static IEnumerable<object> Steps(string part) =>
            part.EndsWith("[]", StringComparison.Ordinal) ? [part[..^2], 0] : [part];
    }

    /// <summary>An error of many findings must not keep the report from being taken.</summary>
    [Fact]
    public void Cuts_WhatTheAgentSays_ToWhatIsTaken()
    {
        var status = new StatusReport("d", 1, StatusReport.Failed, new string('é', Long), null, null);
        var read = StatusReport.Read(Parse(status.ToBytes())).Value;
        Assert.Equal(AgentTexts.MaxMessage, read.Message!.Length);
        Assert.EndsWith("é…", read.Message, StringComparison.Ordinal);

        var check = new Check(CheckHop.Up, CheckState.Failed, new string('x', Long));
        var report = AgentTexts.Cut(
            new VerificationReport(null, new string('x', Long), [new InterfaceReport("n", "i", [check])])
        );
        Assert.Null(AgentTexts.ReadVerification(report.ToJson()).Refusal);
        Assert.Equal("", AgentTexts.Cut("", 8));
        Assert.Equal("12345678", AgentTexts.Cut("12345678", 8));
        // Never in the middle of a sign of two halves.
        Assert.Equal("123456…", AgentTexts.Cut("123456\U0001F600x", 8));
        Assert.Equal("12345\U0001F600…", AgentTexts.Cut("12345\U0001F600xyz", 8));
    }

    [Fact]
    public void Refuses_AReport_ThatIsTooLargeInAll()
    {
        var check = new Check(CheckHop.TagPasses, CheckState.Passed, new string('x', 500));
        var report = new VerificationReport(
            "w1",
            null,
            [new InterfaceReport("n", "i", [.. Enumerable.Repeat(check, 4096)])]
        );
        var refusal = AgentTexts.ReadVerification(report.ToJson()).Refusal!;
        Assert.Equal((RefusalCode.RequestTooLarge, "interfaces"), (refusal.Code, refusal.Target));
    }

    /// <summary>The page says each bound.</summary>
    [Fact]
    public void Stand_InTheDocumentation()
    {
        var page = File.ReadAllText(Path.Join(Repository.Root, "docs", "specs", "limits.md"));
        foreach (
            var (message, bounds) in ((string, ImmutableArray<TextBound>)[])
                [
                    ("PUT status", AgentTexts.Status),
                    ("PUT verifications/ID", AgentTexts.Verification),
                    ("PUT inquiries/ID", AgentTexts.Inquiry),
                    ("POST leases/acquire", AgentTexts.Lease),
                    ("POST blocks", AgentTexts.Blocks),
                ]
        )
        {
            Assert.Contains($"`{message}`", page, StringComparison.Ordinal);
            Assert.All(
                bounds,
                bound =>
                    Assert.Contains(
                        FormattableString.Invariant($"`{bound.Path}` {bound.Most}"),
                        page,
                        StringComparison.Ordinal
                    )
            );
        }
    }

    private static (Type, byte[], Func<JsonObject, (object?, Refusal?)>) Message<T>(
        T sample,
        Func<T, byte[]> write,
        Func<JsonObject, Outcome<T>> read
    ) =>
        (
            typeof(T),
            write(sample),
            body => read(body).TryGet(out var value, out var refusal) ? (value, null) : (null, refusal)
        );

    /// <summary>With its certificates, which are judged by who reports them.</summary>
    private static Outcome<StatusReport> ReadStatus(JsonObject body)
    {
        if (!StatusReport.Read(body).TryGet(out var report, out var refusal))
            return refusal;
        var pem = StatusReport.ReadCertificateAuthority(body).Value;
        return pem?.Length > ClusterAuthority.MaxLength
            ? new Refusal(RefusalCode.RequestTooLarge, "the certificates are too long", StatusReport.AuthorityMember)
            : report;
    }

    /// <summary>The names of all texts of a message, also of what is in it.</summary>
    private static IEnumerable<string> TextMembersOf(Type type) =>
        type.GetProperties(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic)
            .Where(property =>
                property.Name != "EqualityContract" && property.GetCustomAttribute<JsonIgnoreAttribute>() is null
            )
            .SelectMany(property =>
            {
                var inner = property.PropertyType is { IsGenericType: true } list
                    ? list.GetGenericArguments()[0]
                    : property.PropertyType;
                if (inner == typeof(string))
                    return [property.GetCustomAttribute<JsonPropertyNameAttribute>()?.Name ?? property.Name];
                return inner.Namespace == type.Namespace && inner.IsClass ? TextMembersOf(inner) : [];
            });

    private static IEnumerable<object[]> TextsOf(JsonNode? node, object[] path) =>
        node switch
        {
            JsonObject members => members.SelectMany(member => TextsOf(member.Value, [.. path, member.Key])),
            JsonArray items => items.SelectMany((item, i) => TextsOf(item, [.. path, i])),
            JsonValue value when value.GetValueKind() == JsonValueKind.String => [path],
            _ => [],
        };

    private static void Replace(JsonObject body, object[] path, int length = Long)
    {
        JsonNode owner = path[..^1].Aggregate((JsonNode)body, Step);
        var text = JsonValue.Create(new string('a', length));
        if (path[^1] is int at)
            owner[at] = text;
        else
            owner[(string)path[^1]] = text;

        static JsonNode Step(JsonNode node, object step) => step is int i ? node[i]! : node[(string)step]!;
    }

    private static int LongestOf(object value) =>
        value.ToString() is { } text && value is string ? text.Length
        : value is System.Collections.IEnumerable items
            ? items.Cast<object?>().OfType<object>().Select(LongestOf).DefaultIfEmpty().Max()
        : value.GetType().Namespace?.StartsWith("Weft.Contracts", StringComparison.Ordinal) == true
        || value is VerificationReport or InterfaceReport or Check
            ? value
                .GetType()
                .GetProperties()
                .Where(property => property.GetIndexParameters().Length == 0)
                .Select(property => property.GetValue(value))
                .OfType<object>()
                .Select(LongestOf)
                .DefaultIfEmpty()
                .Max()
        : 0;

    private static JsonObject Parse(byte[] body) => JsonNode.Parse(body)!.AsObject();
}
