using Microsoft.Extensions.Configuration;
using PixelServer.Ops;

namespace PixelServer.Tests.Ops;

public sealed class ListeningTests
{
    [Theory]
    [InlineData("", false, "http://localhost:8080")]
    [InlineData("urls=http://+:5000;https://+:5001", true, "http://+:5000")]
    [InlineData("urls= http_ports=8081", true, "http://localhost:8081")]
    [InlineData("http_ports=8081;8082", true, "http://localhost:8081")]
    [InlineData("https_ports=8443", true, "https://localhost:8443")]
    [InlineData("urls=http://+:5000 Kestrel:Endpoints:Secure:Url=https://+:443", true, "https://+:443")]
    public void The_default_address_holds_only_where_nothing_else_was_said(string said, bool isSaid, string address)
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(said
            .Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(pair => pair.Split('=', 2))
            .Select(pair => KeyValuePair.Create(pair[0], (string?)pair[1]))).Build();

        Assert.Equal(isSaid, Listening.IsSaid(configuration));
        Assert.Equal(address, Listening.Address(configuration));
    }
}
