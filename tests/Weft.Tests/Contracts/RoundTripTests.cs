using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using CsCheck;
using Weft.Attachments.Verification;
using Weft.Contracts;
using Weft.Resources;
using Weft.Tests.Addressing;

namespace Weft.Tests.Contracts;

/// <summary>Whatever one program writes, the other reads as it was.</summary>
public sealed class RoundTripTests
{
    private const string Network = "/subscriptions/s/resourceGroups/g/providers/Microsoft.NetworkCloud/l3Networks/n6";

    // What an encoder may touch: quotes, signs that pages fear, controls, and what is no ASCII.
    private static readonly Gen<string> Text = Gen.Char["ab0 /+-'\"\\<>&\n\t\u0001\u00e4\u20ac"]
        .Array[1, 12]
        .Select(letters => new string(letters));
    private static readonly Gen<string?> MaybeText = Gen.OneOf(Gen.Const((string?)null), Text.Select(t => (string?)t));
    private static readonly Gen<string> Visible = Gen.Char["abc/+<09"].Array[1, 12].Select(t => new string(t));

    [Fact]
    public void Keeps_AnEnrolment() =>
        Gen.Select(Gen.Int[0, 2].Select(i => new[] { null, "w1", "w1.rack-2" }[i]), MaybeText)
            .Select((node, version) => new EnrolmentRequest("w1", BearerToken.HashOf("x"), node, version))
            .Sample(sent => Assert.Equal(sent, EnrolmentRequest.Read(Parse(sent.ToBytes())).Value));

    [Fact]
    public void Keeps_AnEnrolmentsAnswer() =>
        Gen.Select(Visible, Visible)
            .Select((agent, cluster) => new EnrolmentResponse(agent, cluster))
            .Sample(sent => Assert.Equal(sent, EnrolmentResponse.Read(sent.ToBytes())));

    [Fact]
    public void Keeps_ARegistration()
    {
        var address = Gen.Int[1, 250].Select(i => Weft.Addressing.Address.Parse($"10.20.6.{i}").Value);
        var lease = Gen.Select(Visible, MaybeText, address.Array[0, 1])
            .Select(
                (container, pod, addresses) =>
                    new RegisteredLease(
                        new LeaseHolder(ResourceId.Parse(Network).Value, container, "net1"),
                        pod,
                        [.. addresses]
                    )
            );
        Gen.Select(Visible, Gen.Int[0, 99], Gen.Bool, lease.Array[0, 3])
            .Select((epoch, part, isLast, leases) => new LeaseRegistration(epoch, part, isLast, [.. leases]))
            .Sample(sent =>
            {
                var read = LeaseRegistration.Read(Parse(sent.ToBytes())).Value;
                Assert.Equal(sent with { Leases = [] }, read with { Leases = [] });
                Assert.Equal(Parse(sent.ToBytes()).ToJsonString(), Parse(read.ToBytes()).ToJsonString());
            });
    }

    [Fact]
    public void Keeps_AStatus()
    {
        var drift = Gen.Select(Text, Text, Gen.Bool, Text).Select((a, b, c, d) => new DriftFinding(a, b, c, d));
        Gen.Select(Text, Gen.Long, Gen.Bool, MaybeText, drift.Array[0, 3], MaybeText)
            .Select(
                (digest, revision, applied, said, found, authority) =>
                    new StatusReport(digest, revision, applied ? "Applied" : "Failed", said, said, said)
                    {
                        Drift = [.. found],
                        CertificateAuthority = authority,
                    }
            )
            .Sample(sent =>
            {
                var body = Parse(sent.ToBytes());
                var read = StatusReport.Read(body).Value with
                {
                    CertificateAuthority = StatusReport.ReadCertificateAuthority(body).Value,
                };
                Assert.Equal(sent, read);
            });
    }

    [Fact]
    public void Keeps_ARequestForALease() =>
        Gen.Select(Text, Text, MaybeText, MaybeText, MaybeText, Generators.Address.Array[0, 1])
            .Select(
                (container, name, space, pod, node, ips) =>
                    new PodLeaseRequest(new LeaseHolder(ResourceId.Parse(Network).Value, container, name))
                    {
                        Namespace = space,
                        Pod = pod,
                        Uid = pod,
                        Node = node,
                        Ips = [.. ips],
                    }
            )
            .Sample(sent =>
            {
                var read = PodLeaseRequest.Read(Parse(sent.ToBytes())).Value;
                Assert.Equal(sent.Ips, read.Ips);
                Assert.Equal(sent with { Ips = [] }, read with { Ips = [] });
                // Read without a document it is the same, or is left to the other.
                var plain = PlainLeaseBody.TryRead(sent.ToBytes(), _ => null);
                Assert.Equal(sent.Ips.IsEmpty, plain is not null);
                Assert.Equal(plain ?? read with { Ips = [] }, read with { Ips = [] });
            });

    [Fact]
    public void Keeps_ALease_ForTheAgentAndForThePlugin() =>
        Leases()
            .Sample(sent =>
            {
                Same(sent, PodLease.Read(sent.ToBytes()));
                Assert.True(SocketResponse.TryRead(SocketResponse.Grant(sent), out var response, out var why), why);
                Same(sent, response.Lease);
            });

    [Fact]
    public void Keeps_ARefusal_ForThePlugin() =>
        Text.Sample(said =>
        {
            var line = SocketResponse.Refuse(new Refusal(RefusalCode.AddressHeld, said, said));
            Assert.True(SocketResponse.TryRead(line, out var response, out _));
            Assert.Equal(new SocketResponse(null, "AddressHeld", said), response);
        });

    [Fact]
    public void Keeps_APluginsRequest() =>
        Gen.Select(MaybeText, MaybeText, MaybeText, Text.Array[0, 3])
            .Select(
                (verb, network, pod, texts) =>
                    new SocketRequest(verb, network, pod, network, pod, verb, pod)
                    {
                        Ips = texts.Length == 0 ? null : texts,
                        Addresses = texts,
                    }
            )
            .Sample(sent =>
            {
                var read = SocketRequest.Read(sent.ToLine().Span[..^1]).Value;
                Assert.Equal(sent.Ips, read.Ips);
                Assert.Equal(sent.Addresses, read.Addresses);
                Assert.Equal(sent with { Ips = null, Addresses = null }, read with { Ips = null, Addresses = null });
            });

    [Fact]
    public void Keeps_RelaysAndVerifications()
    {
        Gen.Select(Text, Text, Text.Array[0, 2], Gen.Long)
            .Select((relay, name, services, end) => new RelayAccess(relay, name, [.. services], name, end))
            .Array[0, 2]
            .Sample(sent =>
            {
                var written = Json.ToUtf8(new RelayConnections([.. sent]).ToJson());
                var read = RelayConnections.Read(JsonElement.Parse(written));
                Assert.Equal(written, Json.ToUtf8(read.ToJson()));
            });
        Gen.Select(Gen.Long, Gen.Select(Text, MaybeText, MaybeText, MaybeText).Array[0, 3])
            .Sample(
                (after, tasks) =>
                {
                    ImmutableArray<VerificationTask> sent =
                    [
                        .. tasks.Select(t => new VerificationTask(t.Item1, t.Item2, t.Item3, t.Item4)),
                    ];
                    var written = Json.ToUtf8(new PendingVerifications(after, sent).ToJson());
                    var read = PendingVerifications.Read(JsonElement.Parse(written));
                    Assert.Equal(after, read.After);
                    Assert.Equal(sent, read.Tasks);
                }
            );
    }

    private static Gen<PodLease> Leases()
    {
        var address = Gen.Select(Generators.Address, Gen.Bool)
            .Select((a, has) => new LeasedAddress($"{a}/{a.Bits}", has ? a.ToString() : null));
        var route = Gen.Select(Generators.Prefix, Gen.Bool)
            .Select((p, has) => new LeaseRoute(p.ToString(), has ? p.Network.ToString() : null));
        return Gen.Select(address.Array[1, 2], route.Array[0, 2]).Select((a, r) => new PodLease(a, r));
    }

    private static void Same(PodLease sent, PodLease? read)
    {
        Assert.Equal(sent.Addresses, read?.Addresses);
        Assert.Equal(sent.Routes, read?.Routes);
    }

    private static JsonObject Parse(byte[] body) => JsonNode.Parse(body)!.AsObject();
}
