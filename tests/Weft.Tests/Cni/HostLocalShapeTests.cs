using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Weft.Tests.Cni;

/// <summary>
/// What the program prints beside what Debian's host-local prints, member by member, for each version of CNI and each form
/// of lease: it was the same runtime's library that read both.
/// </summary>
public sealed class HostLocalShapeTests : IDisposable
{
    private const string HostLocal = "/usr/lib/cni/host-local";

    private const string V4 = """{"address":"10.20.6.17/24","gateway":"10.20.6.1"}""";
    private const string V6 = """{"address":"fd20:6::11/64","gateway":"fd20:6::1"}""";
    private const string Range4 =
        """[{"subnet":"10.20.6.0/24","rangeStart":"10.20.6.17","rangeEnd":"10.20.6.17","gateway":"10.20.6.1"}]""";
    private const string Range6 =
        """[{"subnet":"fd20:6::/64","rangeStart":"fd20:6::11","rangeEnd":"fd20:6::11","gateway":"fd20:6::1"}]""";
    private const string Routes =
        """[{"dst":"0.0.0.0/0"},{"dst":"10.30.0.0/16","gw":"10.20.6.2"},{"dst":"::/0","gw":"fd20:6::2"}]""";

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("weft-shape");

    /// <summary>Each version with each form; host-local of Debian 12 knows none beyond 1.0.0.</summary>
    public static TheoryData<string, string, string, string> Results()
    {
        var data = new TheoryData<string, string, string, string>();
        foreach (var version in (string[])["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"])
        {
            data.Add(version, $"[{V4}]", $"[{Range4}]", "[]");
            data.Add(version, $"[{V6}]", $"[{Range6}]", "[]");
            data.Add(version, $"[{V4},{V6}]", $"[{Range4},{Range6}]", "[]");
            data.Add(version, $"[{V4},{V6}]", $"[{Range4},{Range6}]", Routes);
            data.Add(version, $"[{V4}]", $"[{Range4}]", Routes);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Results))]
    public void Prints_WhatHostLocalPrints(string version, string addresses, string ranges, string routes)
    {
        Assert.SkipUnless(File.Exists(HostLocal), "containernetworking-plugins isn't installed");
        using var agent = new StubAgent($$$"""{"lease":{"addresses":{{{addresses}}},"routes":[]}}""" + "\n");
        var ours = JsonNode.Parse(
            Run(IpamProgram.Location, "ADD", Configurations.Of(version, agent.Path, $",\"routes\":{routes}"))
        )!;
        var known = version == "1.1.0" ? "1.0.0" : version;
        var theirs = JsonNode.Parse(
            Run(
                HostLocal,
                "ADD",
                $$$"""
                {"cniVersion":"{{{known}}}","name":"n6","type":"macvlan",
                 "ipam":{"type":"host-local","dataDir":"{{{_folder.FullName}}}","ranges":{{{ranges}}},"routes":{{{routes}}}}}
                """
            )
        )!;
        Assert.Equal(version, ours["cniVersion"]!.ToString());
        theirs["cniVersion"] = version;
        Assert.True(
            JsonNode.DeepEquals(theirs, ours),
            $"host-local: {theirs.ToJsonString()}\nours: {ours.ToJsonString()}"
        );
    }

    [Theory]
    [InlineData("0.4.0")]
    [InlineData("1.0.0")]
    public void Says_ItsVersions_AsHostLocalDoes(string asked)
    {
        Assert.SkipUnless(File.Exists(HostLocal), "containernetworking-plugins isn't installed");
        var input = $$"""{"cniVersion":"{{asked}}"}""";
        var (ours, theirs) = (
            JsonNode.Parse(Run(IpamProgram.Location, "VERSION", input))!.AsObject(),
            JsonNode.Parse(Run(HostLocal, "VERSION", input))!.AsObject()
        );
        Assert.Equal(
            theirs.Select(member => member.Key).Order(StringComparer.Ordinal),
            ours.Select(member => member.Key).Order(StringComparer.Ordinal)
        );
        // Asked for one, ours says it back (CNI specification, section 4 "VERSION"); theirs always says its newest.
        Assert.Equal(asked, ours["cniVersion"]!.ToString());
        Assert.Equal(VersionsOf(theirs), VersionsOf(ours).Take(VersionsOf(theirs).Length));

        static string[] VersionsOf(JsonNode answer) =>
            [.. answer["supportedVersions"]!.AsArray().Select(version => version!.ToString())];
    }

    public void Dispose() => _folder.Delete(recursive: true);

    private static string Run(string program, string command, string input)
    {
        var start = new ProcessStartInfo(program)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in Configurations.Environment(command))
            start.Environment[name] = value;
        using var process = Process.Start(start)!;
        var log = process.StandardError.ReadToEndAsync();
        process.StandardInput.Write(input);
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{program} {command}: {output}{log.GetAwaiter().GetResult()}");
        return output;
    }
}
