using Weft.Cni;

namespace Weft.Tests.Cni;

public sealed class InvocationTests
{
    [Theory]
    [InlineData("ADD", "CNI_CONTAINERID, CNI_NETNS, CNI_IFNAME, CNI_PATH")]
    [InlineData("DEL", "CNI_CONTAINERID, CNI_IFNAME, CNI_PATH")]
    [InlineData("CHECK", "CNI_CONTAINERID, CNI_NETNS, CNI_IFNAME, CNI_PATH")]
    [InlineData("STATUS", "CNI_PATH")]
    [InlineData("GC", "CNI_PATH")]
    public void Names_AllMissingVariables_OfCommand(string command, string missing)
    {
        var error = Invocation.Read(command, _ => null).FindMissingVariable(_ => "");

        Assert.Equal(ErrorCode.InvalidEnvironment, error?.Code);
        Assert.Equal($"{command} needs variables that are missing: {missing}", error?.Message);
    }

    [Theory]
    [InlineData("VERSION")]
    [InlineData("add")]
    public void Needs_NoVariable_ForCommand(string command) =>
        Assert.Null(Invocation.Read(command, _ => null).FindMissingVariable(_ => null));

    [Theory]
    [InlineData("CNI_COMMAND", "add")]
    [InlineData("CNI_COMMAND", "UPDATE")]
    [InlineData("CNI_CONTAINERID", "../x")]
    [InlineData("CNI_CONTAINERID", "-x")]
    [InlineData("CNI_CONTAINERID", "a b")]
    [InlineData("CNI_CONTAINERID", "käse")]
    [InlineData("CNI_IFNAME", ".")]
    [InlineData("CNI_IFNAME", "..")]
    [InlineData("CNI_IFNAME", "a/b")]
    [InlineData("CNI_IFNAME", "a:1")]
    [InlineData("CNI_IFNAME", "a b")]
    [InlineData("CNI_IFNAME", "a\tb")]
    [InlineData("CNI_IFNAME", "sixteencharacter")]
    public void Refuses_BadVariable(string name, string value)
    {
        var environment = Configurations.Environment("ADD");
        environment[name] = value;

        var error = Read(environment).FindInvalidVariable();

        Assert.Equal(ErrorCode.InvalidEnvironment, error?.Code);
        Assert.StartsWith($"{name} is '{value}'", error?.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("CNI_CONTAINERID", "a")]
    [InlineData("CNI_CONTAINERID", "9_.-Z")]
    [InlineData("CNI_IFNAME", "e")]
    [InlineData("CNI_IFNAME", "fifteencharacte")]
    [InlineData("CNI_IFNAME", "...")]
    public void Accepts_GoodVariable(string name, string value)
    {
        var environment = Configurations.Environment("ADD");
        environment[name] = value;

        Assert.Null(Read(environment).FindInvalidVariable());
    }

    [Fact]
    public void Ignores_BadContainerId_ForStatus()
    {
        var environment = Configurations.Environment("STATUS");
        environment["CNI_CONTAINERID"] = "../x";

        Assert.Null(Read(environment).FindInvalidVariable());
    }

    [Fact]
    public void Reads_Pod_FromArguments()
    {
        Assert.True(
            RuntimeArguments.TryParse(
                "IgnoreUnknown=1;K8S_POD_NAMESPACE=core;K8S_POD_NAME=upf-0;"
                    + "K8S_POD_INFRA_CONTAINER_ID=0123;K8S_POD_UID=77;IP=10.0.0.1,fd00::1",
                out var arguments,
                out _
            )
        );

        Assert.Equal(new RuntimeArguments("core", "upf-0", "77", "10.0.0.1,fd00::1"), arguments);
    }

    [Theory]
    [InlineData("")]
    [InlineData(";")]
    [InlineData("K8S_POD_NAME=;IP=")]
    [InlineData("OTHER=a=b;")]
    public void Reads_Nothing_FromArgumentsWithoutValues(string text)
    {
        Assert.True(RuntimeArguments.TryParse(text, out var arguments, out _));

        Assert.Equal(new RuntimeArguments(null, null, null, null), arguments);
    }

    [Theory]
    [InlineData("IP")]
    [InlineData("=x")]
    public void Refuses_Arguments_ThatAreNoPairs(string text)
    {
        Assert.False(RuntimeArguments.TryParse(text, out _, out var error));

        Assert.Equal(ErrorCode.InvalidEnvironment, error.Code);
        Assert.Contains($"CNI_ARGS has '{text}'", error.Message, StringComparison.Ordinal);
    }

    private static Invocation Read(Dictionary<string, string> environment) =>
        Invocation.Read(environment["CNI_COMMAND"], name => environment.GetValueOrDefault(name));
}
