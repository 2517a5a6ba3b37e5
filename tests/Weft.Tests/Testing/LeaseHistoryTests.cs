using Weft.Testing.Soak;

namespace Weft.Tests.Testing;

/// <summary>A history says what can't be: to whom nothing was free, what was released late, what no call may be told.</summary>
public sealed class LeaseHistoryTests
{
    private const string Network = "n6";
    private readonly LeaseHistory _history = new();

    [Fact]
    public void Takes_Exhaustion_WhileAllIsInUse()
    {
        Acquire("a", "10.0.0.1");
        _history.Exhausted(Network, LeaseHistory.Now);
        Assert.Empty(Check(size: 1));
    }

    [Fact]
    public void Finds_Exhaustion_WhereSomethingWasFree()
    {
        Acquire("a", "10.0.0.1");
        _history.Exhausted(Network, LeaseHistory.Now);
        Assert.Contains("1 of 2 can have been in use", Assert.Single(Check(size: 2)), StringComparison.Ordinal);
    }

    [Fact]
    public void Finds_Exhaustion_AfterTheRelease()
    {
        Acquire("a", "10.0.0.1");
        _history.Released(Network, "a", ["10.0.0.1"], LeaseHistory.Now, isDone: true);
        Thread.Yield();
        _history.Exhausted(Network, LeaseHistory.Now + 1);
        Assert.Contains("0 of 1", Assert.Single(Check(size: 1)), StringComparison.Ordinal);
    }

    [Fact]
    public void Takes_AReleaseThatHappensLater()
    {
        Acquire("a", "10.0.0.1");
        _history.Released(Network, "a", ["10.0.0.1"], LeaseHistory.Now, isDone: false);
        _history.Read(Network, "10.0.0.1", "a", LeaseHistory.Now);
        _history.Exhausted(Network, LeaseHistory.Now);
        Acquire("b", "10.0.0.1");
        Assert.Empty(Check(size: 1));
    }

    [Fact]
    public void Finds_TheHolderBefore_OnceTheNextOneHasIt()
    {
        Acquire("a", "10.0.0.1");
        _history.Released(Network, "a", ["10.0.0.1"], LeaseHistory.Now, isDone: false);
        Acquire("b", "10.0.0.1");
        _history.Read(Network, "10.0.0.1", "a", LeaseHistory.Now + 1);
        Assert.Contains("Read of n6 10.0.0.1 by a", Assert.Single(Check(size: 1)), StringComparison.Ordinal);
    }

    [Fact]
    public void Takes_WhatWeftdHasNotHeardOf_OfABlock()
    {
        AcquireOfBlock("a", "10.0.0.1");
        Read(null);
        Read("a");
        _history.Released(Network, "a", ["10.0.0.1"], LeaseHistory.Now, isDone: false);
        AcquireOfBlock("b", "10.0.0.1");
        Read("a");
        Read("b");
        Assert.Empty(Check(size: 1));
    }

    [Fact]
    public void Finds_TwoHolders_OfABlock()
    {
        AcquireOfBlock("a", "10.0.0.1");
        AcquireOfBlock("b", "10.0.0.1");
        Assert.Contains("10.0.0.1 by b", Assert.Single(Check(size: 2)), StringComparison.Ordinal);
    }

    /// <param name="named">Who is said to have it, while weftd has given it to c itself.</param>
    [Theory]
    [InlineData("a")]
    [InlineData("d")]
    [InlineData(null)]
    public void Finds_WhatWeftdMustKnow_OfWhatWasInABlock(string? named)
    {
        AcquireOfBlock("a", "10.0.0.1");
        _history.Released(Network, "a", ["10.0.0.1"], LeaseHistory.Now, isDone: false);
        Acquire("c", "10.0.0.1");
        Read(named);
        Assert.Contains("Read of n6 10.0.0.1", Assert.Single(Check(size: 1)), StringComparison.Ordinal);
    }

    [Fact]
    public void Finds_WhoGaveUp_OnceWeftdHasGivenItToTheNext()
    {
        AcquireOfBlock("a", "10.0.0.1");
        _history.Released(Network, "a", ["10.0.0.1"], LeaseHistory.Now, isDone: false);
        Acquire("c", "10.0.0.1");
        _history.Released(Network, "c", ["10.0.0.1"], LeaseHistory.Now, isDone: true);
        Read("a");
        Assert.Contains("by a", Assert.Single(Check(size: 1)), StringComparison.Ordinal);
    }

    [Fact]
    public void Finds_WhoNeverHadIt_OfABlock()
    {
        AcquireOfBlock("a", "10.0.0.1");
        Acquire("other", "10.0.0.2");
        Read("other");
        Assert.Contains("by other", Assert.Single(Check(size: 2)), StringComparison.Ordinal);
    }

    private void AcquireOfBlock(string holder, string address) =>
        _history.Acquired(Network, holder, [address], LeaseHistory.Now, isKnown: false);

    private void Read(string? holder) => _history.Read(Network, "10.0.0.1", holder, LeaseHistory.Now);

    private void Acquire(string holder, string address) =>
        _history.Acquired(Network, holder, [address], LeaseHistory.Now);

    private IReadOnlyList<string> Check(int size) => _history.Check(new Dictionary<string, int> { [Network] = size });
}
