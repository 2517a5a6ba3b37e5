using System.Runtime.Versioning;
using System.Text.Json;
using Weft.Agent.Verification;
using Weft.Attachments.Verification;
using Weft.Contracts;

namespace Weft.Tests.Agent.Verification;

/// <summary>From a desired state to a report: which interfaces are looked at, in a node and in a pod.</summary>
[SupportedOSPlatform("linux")]
public sealed class VerifierTests
{
    private const string Cloud = "/subscriptions/s/resourceGroups/g/providers/Microsoft.NetworkCloud";

    private static readonly DesiredStateDocument DesiredJson = DesiredStateDocument.Read(
        JsonElement.Parse(
            $$"""
            {
              "digest": "sha256-1",
              "revision": 1,
              "manifests": [],
              "networks": [
                {
                  "id": "{{Cloud}}/l3Networks/n6",
                  "type": "L3",
                  "interface": "n6",
                  "mtu": 1500,
                  "vlan": 606,
                  "subnets": [
                    { "prefix": "10.20.6.0/24", "gateway": "10.20.6.1", "reserved": 3 },
                    { "prefix": "fd00:6::/64", "gateway": "fd00:6::1", "reserved": 3 }
                  ]
                },
                { "id": "{{Cloud}}/l2Networks/ha", "type": "L2", "interface": "ha", "mtu": 1500, "vlan": 750 }
              ],
              "nodes": [
                {
                  "name": "w1",
                  "files": [],
                  "configuration": {
                    "links": [
                      {
                        "name": "n6",
                        "port": { "name": "up0", "mtu": 1500, "trunk": true },
                        "vlan": 606,
                        "mtu": 1500,
                        "addresses": ["10.20.6.17/24", "fd00:6::17/64"],
                        "routes": []
                      },
                      {
                        "name": "ha",
                        "port": { "name": "up0", "mtu": 1500, "trunk": true },
                        "vlan": 750,
                        "mtu": 1500,
                        "addresses": [],
                        "routes": []
                      }
                    ],
                    "physicalFunctions": [],
                    "devices": [],
                    "guards": []
                  }
                }
              ]
            }
            """
        )
    );

    [Fact]
    public async Task Finds_ThePodsInterfaceByItsAddress()
    {
        using var segment = TestSegment.Create();
        segment.Add("pod");
        segment.In(
            "node",
            $"link add link n6 name net1 netns {Path.GetFileName(segment.Path("pod"))} type macvlan mode bridge"
        );
        segment.In("pod", "link set net1 up");
        segment.Addresses("pod", "net1", "10.20.6.40/24", "fd00:6::40/64");

        var report = await new Verifier("w1", new PodNamespaces(), TestSegment.FastTimings).Run(
            new VerificationTask("1", null, "core/upf-0", null),
            DesiredJson,
            segment.Path("pod")
        );

        var found = Assert.Single(report.Interfaces);
        Assert.Equal(($"{Cloud}/l3Networks/n6", "net1"), (found.Network, found.Interface));
        Assert.True(report.HasPassed, string.Join("\n", found.Checks));
        Assert.Equal(2, found.Checks.Count(c => c is { Hop: CheckHop.PathMtu, State: CheckState.Passed }));
        Assert.Equal(2, found.Checks.Count(c => c is { Hop: CheckHop.Duplicate, State: CheckState.Passed }));
    }

    [Fact]
    public async Task Refuses_WhatIsNotThereByName()
    {
        var verifier = new Verifier("w1", new PodNamespaces("/nowhere"), TestSegment.FastTimings);
        var unknown = await verifier.Run(new VerificationTask("1", null, null, "n9"), DesiredJson);
        Assert.Equal((false, "the cluster has no network 'n9'; it has n6, ha"), (unknown.IsElsewhere, unknown.Error));
        Assert.True((await verifier.Run(new VerificationTask("1", null, "core/upf-0", null), DesiredJson)).IsElsewhere);
        Assert.True(
            (
                await new Verifier(null, new PodNamespaces(), TestSegment.FastTimings).Run(
                    new VerificationTask("1", null, null, null),
                    DesiredJson
                )
            ).IsElsewhere
        );
        Assert.Contains(
            "has no node 'w9'; it has w1",
            (
                await new Verifier("w9", new PodNamespaces(), TestSegment.FastTimings).Run(
                    new VerificationTask("1", null, null, null),
                    DesiredJson
                )
            ).Error,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Verifies_OneNetworkOnly()
    {
        var report = await new Verifier("w1", new PodNamespaces(), TestSegment.FastTimings).Run(
            new VerificationTask("1", null, null, "ha"),
            DesiredJson
        );
        Assert.Equal("ha", Assert.Single(report.Interfaces).Interface);
    }

    [Fact]
    public void Finds_ThePodsNamespaceByItsUid()
    {
        var root = Directory.CreateTempSubdirectory("weft-pods-").FullName;
        try
        {
            Directory.CreateDirectory($"{root}/logs/core_upf-0_0f1e2d3c-aaaa-bbbb-cccc-000000000001");
            Directory.CreateDirectory($"{root}/logs/core_upf-0-side_99999999-aaaa-bbbb-cccc-000000000002");
            foreach (
                var (process, group) in ((string, string)[])
                    [
                        ("12", "0::/system.slice/sshd.service"),
                        (
                            "34",
                            "0::/kubepods.slice/kubepods-pod0f1e2d3c_aaaa_bbbb_cccc_000000000001.slice/cri-containerd-1.scope"
                        ),
                    ]
            )
            {
                Directory.CreateDirectory($"{root}/proc/{process}");
                File.WriteAllText($"{root}/proc/{process}/cgroup", group);
            }

            Directory.CreateDirectory($"{root}/proc/56");
            var pods = new PodNamespaces($"{root}/logs", $"{root}/proc");
            Assert.Equal($"{root}/proc/34/ns/net", pods.Find("core/upf-0"));
            Assert.Null(pods.Find("core/upf-1"));
            Assert.Null(pods.Find("core/upf-0-side"));
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }
    }
}
