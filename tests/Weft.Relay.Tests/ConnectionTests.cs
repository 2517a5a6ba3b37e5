using Weft.Relay.Hosting;

namespace Weft.Relay.Tests;

public sealed class ConnectionTests
{
    [Fact]
    public void Hides_TheKeysOfARule() => Assert.DoesNotContain("c2VjcmV0", new AuthorizationRule("listen", RelayRights.Listen, "c2VjcmV0", "c2VjcmV0").ToString(), StringComparison.Ordinal);
}
