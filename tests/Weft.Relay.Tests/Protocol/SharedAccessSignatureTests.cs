using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using CsCheck;
using Weft.Relay.Protocol;

namespace Weft.Relay.Tests.Protocol;

public sealed class SharedAccessSignatureTests
{
    private const string Key = "c2VjcmV0S2V5LzEyMys9";
    private static readonly DateTimeOffset Expiry = DateTimeOffset.FromUnixTimeSeconds(1_800_000_000);
    private static readonly DateTimeOffset Now = Expiry.AddMinutes(-10);
    private static readonly ImmutableArray<AuthorizationRule> Rules =
    [
        new("listen", RelayRights.Listen, Key, "c2Vjb25k"),
        new("a rule+%", RelayRights.Send, "dGhpcmQ=", null),
        new("listen", RelayRights.Send, "bmFtZXNha2U=", null),
    ];

    [Theory]
    [InlineData("http%3A%2F%2Flocalhost%2Fhyco%2F", "NnFslgImxvkidmuv7jlBAfwDI4WInurhqmaXzVsRUUU%3D")]
    [InlineData("http%3a%2f%2flocalhost%3a8443%2fhyco", "SDKiXwjjep1AMPkE8c13nUyiXckD9x%2Fd6gNS%2BMZU8%2BA%3D")]
    public void Verifies_TheTextAsItStands(string resource, string signature)
    {
        // Both were signed by another implementation (Python's hmac); the second is spelt as the documents' samples
        // are.
        var result = Verify($"SharedAccessSignature sr={resource}&sig={signature}&se=1800000000&skn=listen");
        Assert.Equal(
            (TokenFault.None, RelayRights.Listen, Expiry),
            (result.Fault, result.Rule!.Rights, result.ExpiresAt)
        );
    }

    [Fact]
    public void Reads_FieldsInAnyOrder()
    {
        var fields = Sign()["SharedAccessSignature ".Length..].Split('&');
        Assert.True(Verify($"SharedAccessSignature {fields[3]}&{fields[1]}&{fields[0]}&{fields[2]}").IsValid);
    }

    [Theory]
    [InlineData(Key, RelayRights.Listen)]
    [InlineData("c2Vjb25k", RelayRights.Listen)]
    [InlineData("bmFtZXNha2U=", RelayRights.Send)]
    internal void Verifies_WithAnyKeyOfAnyRuleOfTheName(string key, RelayRights rights) =>
        Assert.Equal(rights, Verify(SharedAccessSignature.Sign("http://h/hyco/", "listen", key, Expiry)).Rule?.Rights);

    [Theory]
    [InlineData("a+rule%2B%25")]
    [InlineData("a%20rule%2B%25")]
    [InlineData("a rule+%")]
    public void Finds_TheRuleHoweverItsNameIsEncoded(string name)
    {
        var token = SharedAccessSignature.Sign("http://h/hyco/", "x", "dGhpcmQ=", Expiry);
        Assert.True(Verify(token.Replace("skn=x", "skn=" + name, StringComparison.Ordinal)).IsValid);
    }

    [Theory]
    [InlineData("Nobody", Key)]
    [InlineData("listen", "d3Jvbmc=")]
    [InlineData("LISTEN", Key)]
    public void Reports_TheSameForAWrongRuleAndAWrongKey(string rule, string key)
    {
        var result = Verify(SharedAccessSignature.Sign("http://h/hyco/", rule, key, Now.AddHours(-9)));
        Assert.Equal((401, "The token has an invalid signature", null), (result.Status, result.Phrase, result.Rule));
    }

    [Theory]
    [InlineData("")]
    [InlineData("Bearer x")]
    [InlineData("SharedAccessSignature ")]
    [InlineData("SharedAccessSignature sr=a&sig=b&se=1")]
    [InlineData("SharedAccessSignature {0}&skn=listen")]
    [InlineData("SharedAccessSignature {0}&x=1")]
    [InlineData("SharedAccessSignature {0}&")]
    public void Refuses_WhatIsNoToken(string text) =>
        Assert.Equal(
            TokenFault.Malformed,
            Verify(text.Replace("{0}", Sign()["SharedAccessSignature ".Length..], StringComparison.Ordinal)).Fault
        );

    [Theory]
    [InlineData("-1")]
    [InlineData("+1800000000")]
    [InlineData("1800000000.0")]
    [InlineData("01800000000")]
    [InlineData("18e8")]
    [InlineData(" 1800000000")]
    [InlineData("١٨٠٠٠٠٠٠٠٠")]
    [InlineData("9223372036854775807")]
    [InlineData("99999999999999999999999")]
    [InlineData("253402300800")]
    public void Refuses_AnExpiryThatIsNone(string seconds) =>
        Assert.Equal(
            TokenFault.Malformed,
            Verify(Sign().Replace("se=1800000000", "se=" + seconds, StringComparison.Ordinal)).Fault
        );

    [Fact]
    public void Refuses_ATokenThatIsTooLong() =>
        Assert.False(SharedAccessSignature.TryParse(Sign() + new string('a', SharedAccessSignature.MaxLength), out _));

    [Fact]
    public void Refuses_AnyChangeOfACharacter()
    {
        var token = Sign();
        Gen.Select(Gen.Int["SharedAccessSignature ".Length, token.Length - 1], Gen.Char['!', '~'])
            .Where(c => token[c.Item1] != c.Item2)
            .Sample(change =>
            {
                var other = new StringBuilder(token) { [change.Item1] = change.Item2 }.ToString();
                // Base64 has spare bits in its last character: another text, and the very same signature.
                if (
                    SharedAccessSignature.TryParse(other, out var read)
                    && SharedAccessSignature.TryParse(token, out var was)
                    && read.ToString() == was.ToString()
                    && change.Item1 < token.IndexOf("&se=", StringComparison.Ordinal)
                    && change.Item1 > token.IndexOf("&sig=", StringComparison.Ordinal)
                )
                    return;
                Assert.False(Verify(other).IsValid, other);
            });
    }

    [Theory]
    [InlineData(0, 0, true)]
    [InlineData(1, 0, false)]
    [InlineData(300, 300, true)]
    [InlineData(301, 300, false)]
    public void Refuses_ATokenThatExpired(int late, int tolerance, bool isGood)
    {
        var result = SharedAccessSignature.Verify(
            Sign(),
            Rules,
            "hyco",
            Expiry.AddSeconds(late),
            TimeSpan.FromSeconds(tolerance)
        );
        Assert.Equal(isGood, result.IsValid);
        Assert.True(isGood || result is { Fault: TokenFault.Expired, Status: 401 });
    }

    [Theory]
    [InlineData("http://localhost/hyco/", "hyco", true)]
    [InlineData("http://localhost:8443/hyco", "hyco", true)]
    [InlineData("sb://ns/", "hyco", true)]
    [InlineData("sb://ns", "hyco", true)]
    [InlineData("http://ns:443/$hc/hyco", "hyco", true)]
    [InlineData("http://ns/$hc", "hyco", true)]
    [InlineData("http://ns/hyco", "hyco/ssh", true)]
    [InlineData("http://ns/hyco/ssh", "hyco/ssh", true)]
    [InlineData("http://ns/hyco?x=/y", "hyco", true)]
    [InlineData("http://ns/hyco/ssh", "hyco", false)]
    [InlineData("http://ns/hyco", "hyco2", false)]
    [InlineData("http://ns/hyco2", "hyco", false)]
    [InlineData("http://ns/Hyco", "hyco", false)]
    [InlineData("http://ns/h%79co", "hyco", false)]
    [InlineData("http://ns/hyco//", "hyco", false)]
    [InlineData("http://ns//", "hyco", false)]
    [InlineData("http://ns/../hyco", "hyco", false)]
    [InlineData("http:///hyco", "hyco", false)]
    [InlineData("://ns/hyco", "hyco", false)]
    [InlineData("hyco", "hyco", false)]
    public void Compares_ThePathBySegments(string audience, string path, bool isGood)
    {
        var result = SharedAccessSignature.Verify(
            SharedAccessSignature.Sign(audience, "listen", Key, Expiry),
            Rules,
            path,
            Now,
            TimeSpan.Zero
        );
        Assert.Equal(isGood ? 200 : 403, result.Status);
    }

    /// <summary>Whose host is no name of the relay's is refused before its path is looked at.</summary>
    [Theory]
    [InlineData("http://relay.example:8443/hyco", "hyco", 200)]
    [InlineData("sb://RELAY.example./", "hyco", 200)]
    [InlineData("sb://relay.example:/hyco", "hyco", 200)]
    [InlineData("http://alias.example/hyco", "hyco", 200)]
    [InlineData("http://192.0.2.7:443/hyco", "hyco", 200)]
    [InlineData("http://[2001:db8::7]:443/hyco", "hyco", 200)]
    [InlineData("http://[2001:DB8:0:0::7]/hyco", "hyco", 200)]
    [InlineData("http://[::ffff:192.0.2.7]/hyco", "hyco", 200)]
    [InlineData("http://other.example/hyco", "hyco", 401)]
    [InlineData("http://other.example/", "hyco", 401)]
    [InlineData("http://other.example/other", "hyco", 401)]
    [InlineData("http://relay.example.evil/hyco", "hyco", 401)]
    [InlineData("http://evil.relay.example/hyco", "hyco", 401)]
    [InlineData("http://relay.example@evil.example/hyco", "hyco", 401)]
    [InlineData("http://evil.example@relay.example/hyco", "hyco", 401)]
    [InlineData("http://relay.example:80@evil.example/hyco", "hyco", 401)]
    [InlineData("http://relay.example:evil/hyco", "hyco", 401)]
    [InlineData("http://relay.example:65536/hyco", "hyco", 401)]
    [InlineData("http://relay.example..//hyco", "hyco", 401)]
    [InlineData("http://relay.example\\hyco", "hyco", 401)]
    [InlineData("http://2001:db8::7/hyco", "hyco", 401)]
    [InlineData("http://[2001:db8::7/hyco", "hyco", 401)]
    [InlineData("http://[relay.example]/hyco", "hyco", 401)]
    [InlineData("http://192.0.2.07/hyco", "hyco", 401)]
    [InlineData("http://3221225991/hyco", "hyco", 401)]
    [InlineData("http://localhost/hyco", "hyco", 401)]
    [InlineData("http://127.0.0.1/hyco", "hyco", 401)]
    public void Compares_TheHostWithTheNamesOfTheRelay(string audience, string path, int status) =>
        Assert.Equal(status, VerifyAtHost(audience, path));

    [Theory]
    [InlineData("http://space1.relays.example/hyco", "space1/hyco", 200)]
    [InlineData("sb://SPACE1.Relays.Example:443/", "Space1/hyco", 200)]
    [InlineData("http://space1.relays.example/$hc/hyco/", "space1/hyco/ssh", 200)]
    [InlineData("http://space1.relays.example/hyc", "space1/hyco", 403)]
    [InlineData("http://space1.relays.example/hyco", "space2/hyco", 403)]
    [InlineData("http://space.relays.example/", "space1/hyco", 403)]
    [InlineData("http://space1.relays.example/space1/hyco", "space1/hyco", 403)]
    [InlineData("http://a.space1.relays.example/hyco", "space1/hyco", 401)]
    [InlineData("http://relays.example/hyco", "hyco", 401)]
    [InlineData("http://.relays.example/hyco", "hyco", 401)]
    [InlineData("http://space1xrelays.example/hyco", "space1/hyco", 401)]
    public void Compares_TheHostOfANamespace(string audience, string path, int status) =>
        Assert.Equal(status, VerifyAtHost(audience, path));

    private static int VerifyAtHost(string audience, string path)
    {
        var hosts = new RelayHosts(new("wss://relay.example:8443"))
        {
            Names = ["Alias.example", "192.0.2.7", "2001:db8::7"],
            Suffix = "relays.example",
        };
        var token = SharedAccessSignature.Sign(audience, "listen", Key, Expiry);
        return SharedAccessSignature.Verify(token, Rules, path, Now, TimeSpan.Zero, hosts).Status;
    }

    [Fact]
    public void Hides_TheSignature()
    {
        Assert.True(SharedAccessSignature.TryParse(Sign(), out var token));
        Assert.Equal(
            string.Create(CultureInfo.InvariantCulture, $"token of listen for http://h/hyco/ until {Expiry:u}"),
            token.ToString()
        );
    }

    private static string Sign() => SharedAccessSignature.Sign("http://h/hyco/", "listen", Key, Expiry);

    private static TokenValidationResult Verify(string token) =>
        SharedAccessSignature.Verify(token, Rules, "hyco", Now, TimeSpan.Zero);
}
