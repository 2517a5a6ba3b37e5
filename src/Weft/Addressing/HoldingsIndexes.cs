namespace Weft.Addressing;

/// <summary>By what records are found, and how that follows them.</summary>
internal sealed partial class Holdings
{
    /// <summary>Whether one of those who hold a record together has another one, but for the one that it takes the place of.</summary>
    private bool HasOtherRecord(Holding? old, Holding holding)
    {
        // Who holds alone is found where the record is put.
        if (_byFurther is null && holding.FurtherHashes.IsEmpty)
            return false;
        foreach (var holder in holding.Holders)
        {
            if (Find(holder.Id) is { } elsewhere && !ReferenceEquals(elsewhere, old))
                return true;
        }

        return false;
    }

    private bool TryReplaceHolder(object owner, Holding? old, Holding? holding)
    {
        if (old is null)
            return HashTrie<Holding, HolderKey>.TryAdd(ref _byHolder, owner, holding!) is null;
        if (holding is null)
            return HashTrie<Holding, HolderKey>.TryRemove(ref _byHolder, owner, old);
        if (old.Hash == holding.Hash)
            return HashTrie<Holding, HolderKey>.TryReplace(ref _byHolder, owner, old, holding);
        // The first of those who hold it has left.
        if (!HashTrie<Holding, HolderKey>.TryRemove(ref _byHolder, owner, old))
            return false;
        if (HashTrie<Holding, HolderKey>.TryAdd(ref _byHolder, owner, holding) is null)
            return true;
        _ = HashTrie<Holding, HolderKey>.TryAdd(ref _byHolder, owner, old);
        return false;
    }

    /// <returns>False where somebody has one of them; then none is added, and what rests there rests on.</returns>
    private bool TryAddAddresses(object owner, Holding holding)
    {
        if (!Rests.IsEmpty && !EndRests(holding))
            return false;
        for (var i = 0; i < holding.Count; i++)
        {
            var address = holding.AddressAt(i);
            if (AddressTree<object>.TryAdd(ref TreeOf(address.Family), owner, address.Value, holding) is null)
                continue;
            RemoveAddresses(owner, holding, i);
            return false;
        }

        return true;
    }

    /// <summary>Ends the rests of a record's addresses, unless somebody holds one of these.</summary>
    private bool EndRests(Holding holding)
    {
        for (var i = 0; i < holding.Count; i++)
        {
            if (At(holding.AddressAt(i)) is not null)
                return false;
        }

        for (var i = 0; i < holding.Count; i++)
        {
            if (RestAt(holding.AddressAt(i)) is { } rest)
                EndRest(rest);
        }

        return true;
    }

    private void RemoveAddresses(object owner, Holding holding, int count)
    {
        for (var i = 0; i < count; i++)
        {
            var address = holding.AddressAt(i);
            AddressTree<object>.Remove(ref TreeOf(address.Family), owner, address.Value);
        }
    }

    /// <summary>Takes a record out of what it is found by beside its addresses and its holder.</summary>
    private void Unlink(object owner, Holding old)
    {
        Count(old, -1);
        foreach (var hash in old.FurtherHashes)
            RemoveFurther(owner, hash, old);
        if (old is OtherHolding { Holder.Claim: not null })
            _ = HashTrie<Holding, ClaimKey>.TryRemove(ref _byClaim, owner, old);
        if (old.NameHash != 0)
            _ = HashTrie<Holding, NameKey>.TryRemove(ref _byName, owner, old);
        if (old is not PodHolding)
            _ = HashTrie<Holding, HolderKey>.TryRemove(ref _others, owner, old);
    }

    private void Link(object owner, Holding holding)
    {
        LinkOther(owner, holding);
        if (holding.NameHash != 0)
            _ = HashTrie<Holding, NameKey>.TryAdd(ref _byName, owner, holding);
        Count(holding, 1);
    }

    /// <summary>What is found by more than a packed record is.</summary>
    private void LinkOther(object owner, Holding holding)
    {
        if (holding is PodHolding)
            return;
        foreach (var hash in holding.FurtherHashes)
            _ = HashTrie<FurtherHolder, FurtherKey>.TryAdd(ref _byFurther, owner, new FurtherHolder(hash, holding));
        if (holding.Holder.Claim is not null)
            _ = HashTrie<Holding, ClaimKey>.TryAdd(ref _byClaim, owner, holding);
        _ = HashTrie<Holding, HolderKey>.TryAdd(ref _others, owner, holding);
    }

    private void RemoveFurther(object owner, ulong hash, Holding holding)
    {
        foreach (var further in HashTrie<FurtherHolder, FurtherKey>.Find(_byFurther, hash))
        {
            if (!ReferenceEquals(further.Holding, holding))
                continue;
            _ = HashTrie<FurtherHolder, FurtherKey>.TryRemove(ref _byFurther, owner, further);
            return;
        }
    }

    /// <summary>By holders, the first of several: each is there once.</summary>
    private readonly struct HolderKey : IHashKey<Holding>
    {
        public static ulong HashOf(Holding item) => item.Hash;

        public static bool IsSame(Holding one, Holding other) => one.IsOfHolderOf(other);
    }

    /// <summary>By names: pods of one name stand together, and spread by their holders; a thousand may have one.</summary>
    private readonly struct NameKey : IHashKey<Holding>
    {
        public static ulong HashOf(Holding item) => ((ulong)item.NameHash << 32) | (item.Hash >> 32);

        public static bool IsSame(Holding one, Holding other) => ReferenceEquals(one, other);
    }

    /// <summary>By claims.</summary>
    private readonly struct ClaimKey : IHashKey<Holding>
    {
        public static ulong HashOf(Holding item) => LeaseOwner.HashOf(item.Holder);

        public static bool IsSame(Holding one, Holding other) => ReferenceEquals(one, other);
    }

    /// <summary>By holders who aren't the first of a record.</summary>
    private readonly struct FurtherKey : IHashKey<FurtherHolder>
    {
        public static ulong HashOf(FurtherHolder item) => item.Hash;

        public static bool IsSame(FurtherHolder one, FurtherHolder other) => ReferenceEquals(one, other);
    }

    private sealed class FurtherHolder(ulong hash, Holding holding)
    {
        public ulong Hash => hash;

        public Holding Holding => holding;
    }
}
