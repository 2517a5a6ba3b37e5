namespace Weft.Tests.Cli;

/// <summary><c>weft group</c>, <c>weft role</c> and <c>weft whoami</c>.</summary>
public sealed class IdentityCommandTests
{
    [Fact]
    public async Task Makes_GroupsWithMembers_WhoseRightsTheyHave()
    {
        await using var site = await RelaySite.Start();
        var file = site.Weft.PathOf("ann.token");
        _ = await site.Run("principal", "create", "ann", "--role", "Reader", "--scope", "cluster/west", "--out", file);
        var made = await site.Run("group", "create", "ops", "--role", "Contributor", "--scope", "cluster/east");
        Assert.Equal((0, "group ops created\n"), (made.Exit, made.Out));
        Assert.Equal("group ops: ann is a member\n", (await site.Run("group", "add", "ops", "ann")).Out);
        Assert.Contains(
            "ops    Contributor of kubernetesclusters/east   ann       -\n",
            (await site.Run("group", "list")).Out,
            StringComparison.Ordinal
        );
        Assert.Equal(0, (await site.Run("get", "k8s", "east", "--token-file", file)).Exit);

        var who = await site.Run("whoami", "--token-file", file);
        Assert.StartsWith("you are ann, of ops\nROLE ", who.Out, StringComparison.Ordinal);
        Assert.Contains("Contributor   kubernetesclusters/east   ops\n", who.Out, StringComparison.Ordinal);

        var changed = await site.Run("group", "create", "ops", "--role", "Reader", "--scope", "cluster/east");
        Assert.Equal("group ops changed; its members stay as they are\n", changed.Out);
        Assert.Equal("group ops: ann is no member\n", (await site.Run("group", "remove", "ops", "ann")).Out);
        Assert.Equal(1, (await site.Run("get", "k8s", "east", "--token-file", file)).Exit);
        Assert.Equal(1, (await site.Run("group", "add", "ops", "nobody")).Exit);
        Assert.Equal("group ops deleted\n", (await site.Run("group", "delete", "ops", "--yes")).Out);
        Assert.Equal("there are no groups\n", (await site.Run("group", "list")).Error);
    }

    [Fact]
    public async Task Makes_RolesOfVerbsAndKinds_ByTheirNamesHere()
    {
        await using var site = await RelaySite.Start();
        var made = await site.Run(
            "role",
            "create",
            "Viewer",
            "--rule",
            "read,join:l3n,l2networks",
            "--rule",
            "verify:k8s"
        );
        Assert.Equal((0, "role Viewer created\n"), (made.Exit, made.Out));
        var shown = (await site.Run("role", "show", "Viewer", "-o", "table")).Out;
        Assert.Contains(
            "CustomRole   read,join:Microsoft.NetworkCloud/l3Networks,Microsoft.NetworkCloud/l2Networks; "
                + "verify:Microsoft.NetworkCloud/kubernetesClusters",
            shown,
            StringComparison.Ordinal
        );
        Assert.Contains("NetworkUser", (await site.Run("role", "list", "-o", "name")).Out, StringComparison.Ordinal);
        _ = await site.Run("principal", "create", "ann", "--role", "Viewer", "--scope", "l3networks/n6", "-o", "json");
        var refused = await site.Run("role", "delete", "Viewer", "--yes");
        Assert.Equal(1, refused.Exit);
        Assert.Contains("principal ann has it in /subscriptions/", refused.Error, StringComparison.Ordinal);
        var unknown = await site.Run("role", "create", "Odd", "--rule", "reed:l3n,moons");
        Assert.Contains("'reed' is no verb", unknown.Error, StringComparison.Ordinal);
        Assert.Contains("'moons' is no kind", unknown.Error, StringComparison.Ordinal);
        Assert.Equal(64, (await site.Run("role", "create", "Odd", "--rule", "read")).Exit);
    }

    /// <summary>Which roles there are the server knows.</summary>
    [Fact]
    public async Task Names_TheRolesThereAre_ToWhoAsksForAnother()
    {
        await using var site = await RelaySite.Start();
        foreach (var command in new[] { "principal", "group" })
        {
            var unknown = await site.Run(command, "create", "bob", "--role", "King", "--scope", "/");
            Assert.Equal(1, unknown.Exit);
            Assert.Contains(
                "'King' is no role; there are Reader, NetworkUser",
                unknown.Error,
                StringComparison.Ordinal
            );
        }
    }
}
