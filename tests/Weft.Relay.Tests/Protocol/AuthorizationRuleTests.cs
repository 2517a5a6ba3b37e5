using Weft.Relay.Protocol;

namespace Weft.Relay.Tests.Protocol;

public sealed class AuthorizationRuleTests
{
    [Fact]
    public void Hides_TheKeysOfARule() =>
        Assert.DoesNotContain(
            "c2VjcmV0",
            new AuthorizationRule("listen", RelayRights.Listen, "c2VjcmV0", "c2VjcmV0").ToString(),
            StringComparison.Ordinal
        );
}
