using System.Net;
using CsCheck;
using Microsoft.Extensions.Primitives;
using PixelServer.Collect;

namespace PixelServer.Tests.Collect;

public sealed class ClientAddressTests
{
    private static readonly TrustedProxies s_trusted = Trusting("127.0.0.0/8", "::1", "10.0.0.0/8", "2001:db8:aa::/48");

    [Theory]
    [InlineData("203.0.113.9", "1.2.3.4", "203.0.113.9")] // a stranger's word counts for nothing
    [InlineData("127.0.0.1", "1.2.3.4", "1.2.3.4")]
    [InlineData("::ffff:127.0.0.1", "1.2.3.4", "1.2.3.4")]
    [InlineData("127.0.0.1", "6.6.6.6, 1.2.3.4", "1.2.3.4")] // what the client wrote stands left of what the proxy saw
    [InlineData("127.0.0.1", "6.6.6.6, 1.2.3.4, 10.1.1.1", "1.2.3.4")]
    [InlineData("127.0.0.1", "10.2.2.2,10.1.1.1", "10.2.2.2")]
    [InlineData("127.0.0.1", "1.2.3.4, junk, 10.1.1.1", "10.1.1.1")]
    [InlineData("127.0.0.1", "1.2.3.4, , 10.1.1.1", "10.1.1.1")]
    [InlineData("127.0.0.1", "junk", "127.0.0.1")]
    [InlineData("127.0.0.1", "", "127.0.0.1")]
    [InlineData("127.0.0.1", "1.2.3.4:5678", "1.2.3.4")]
    [InlineData("127.0.0.1", "[2001:db8::7]:443", "2001:db8::7")]
    [InlineData("127.0.0.1", "[2001:db8::7]", "2001:db8::7")]
    [InlineData("127.0.0.1", "2001:db8::7", "2001:db8::7")]
    [InlineData("127.0.0.1", "::ffff:1.2.3.4", "1.2.3.4")]
    [InlineData("127.0.0.1", "2001:db8::7, 2001:db8:aa::1", "2001:db8::7")]
    [InlineData("127.0.0.1", "2130706433", "127.0.0.1")] // the framework would read these six
    [InlineData("127.0.0.1", "0x7f.1", "127.0.0.1")]
    [InlineData("127.0.0.1", "1.2.3", "127.0.0.1")]
    [InlineData("127.0.0.1", "010.1.1.1", "127.0.0.1")]
    [InlineData("127.0.0.1", "fe80::1%eth0", "127.0.0.1")]
    [InlineData("127.0.0.1", "1.2.3.4:x", "127.0.0.1")]
    [InlineData("127.0.0.1", "1.2.3.999", "127.0.0.1")]
    [InlineData("127.0.0.1", "_hidden", "127.0.0.1")]
    public void The_client_is_the_last_address_before_the_proxies_we_trust(string peer, string forwarded, string client) =>
        Assert.Equal(IPAddress.Parse(client), ClientAddress.Behind(IPAddress.Parse(peer), forwarded, s_trusted));

    [Fact]
    public void Several_headers_are_one_list() => Assert.Equal(IPAddress.Parse("1.2.3.4"),
        ClientAddress.Behind(IPAddress.Loopback, new StringValues(["6.6.6.6, 1.2.3.4", "10.9.9.9"]), s_trusted));

    [Fact]
    public void A_peer_on_a_unix_socket_is_on_this_machine()
    {
        Assert.Equal(IPAddress.Parse("1.2.3.4"), ClientAddress.Behind(null, "1.2.3.4", s_trusted));
        Assert.Null(ClientAddress.Behind(null, "1.2.3.4", Trusting("10.0.0.0/8")));
    }

    [Fact]
    public void The_walk_ends_after_some_proxies() => Assert.Equal(IPAddress.Parse("10.0.0.32"), ClientAddress.Behind(
        IPAddress.Loopback, string.Join(',', Enumerable.Range(1, 100).Reverse().Select(i => $"10.0.0.{i}")), s_trusted));

    [Fact]
    public void The_walk_agrees_with_the_naive_one() => Gen.Select(
        Gen.OneOf("127.0.0.1", "10.1.1.1", "8.8.8.8"),
        Gen.OneOf("1.2.3.4", "10.5.5.5", " 9.9.9.9 ", "junk", "", "::1", "2001:db8::1").Array[0, 6]).Sample((peer, entries) =>
        {
            var address = IPAddress.Parse(peer);
            foreach (var entry in entries.Reverse())
            {
                if (!s_trusted.Contains(address) || !IPAddress.TryParse(entry.Trim(), out var next)) break;
                address = next;
            }

            StringValues header = entries.Length == 0 ? StringValues.Empty : string.Join(',', entries);
            return Equals(address, ClientAddress.Behind(IPAddress.Parse(peer), header, s_trusted));
        });

    [Theory]
    [InlineData("203.0.113.77", "keep", "203.0.113.77")]
    [InlineData("203.0.113.77", "mask", "203.0.113.0")]
    [InlineData("203.0.113.77", "drop", null)]
    [InlineData("2001:db8:1:2:3:4:5:6", "keep", "2001:db8:1:2:3:4:5:6")]
    [InlineData("2001:db8:1:2:3:4:5:6", "mask", "2001:db8:1::")]
    [InlineData("::ffff:203.0.113.77", "keep", "203.0.113.77")]
    [InlineData("::ffff:203.0.113.77", "mask", "203.0.113.0")]
    [InlineData("fe80::1%3", "keep", "fe80::1")]
    public void The_policy_decides_what_is_kept(string address, string policy, string? kept) =>
        Assert.Equal(kept is null ? null : IPAddress.Parse(kept), ClientAddress.Kept(IPAddress.Parse(address), Enum.Parse<IpPolicy>(policy, ignoreCase: true)));

    [Theory]
    [InlineData("10.0.0.1", true)]
    [InlineData("10.0.0.0/8", true)]
    [InlineData("2001:db8::/32", true)]
    [InlineData("::1", true)]
    [InlineData("10.0.0.1/8", true)] // the network that holds it
    [InlineData("10.0.0.0/x", false)]
    [InlineData("10.0.0.0/33", false)]
    [InlineData("10.1", false)]
    [InlineData("proxy.example", false)]
    [InlineData("", false)]
    public void A_proxy_is_an_address_or_a_network(string text, bool usable) => Assert.Equal(usable, TrustedProxies.TryParse(text, out _));

    internal static TrustedProxies Trusting(params string[] networks) =>
        new([.. networks.Select(text => TrustedProxies.TryParse(text, out var network) ? network : throw new FormatException(text))]);
}
