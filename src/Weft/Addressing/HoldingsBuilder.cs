namespace Weft.Addressing;

/// <summary>How holdings are made at a start.</summary>
internal sealed partial class Holdings
{
    /// <summary>
    /// Makes holdings of records that are there all at once, as at a start. Each index is made by itself, so all can be made
    /// beside each other.
    /// </summary>
    /// <param name="records">Those of one network, in the order in which they count: of two that have the same the later is
    /// refused.</param>
    public sealed class Builder(IReadOnlyList<Holding> records)
    {
        private readonly Holdings _made = Empty.Open();
        private readonly Lock _guard = new();
        private int _refused = int.MaxValue;

        /// <summary>What is to be done, in any order and beside each other, each once.</summary>
        public IEnumerable<Action> Parts => [AddIPv4, AddIPv6, AddHolders, AddNames, CountAll];

        /// <summary>The first record whose holder or address another one before it has; null where there is none.</summary>
        public Holding? Refused => _refused < records.Count ? records[_refused] : null;

        /// <summary>Ends it, once all is done and nothing was refused.</summary>
        public Holdings Close() => _made.Close();

        private void AddIPv4() => AddAddresses(AddressFamily.IPv4, ref _made._ipv4);

        private void AddIPv6() => AddAddresses(AddressFamily.IPv6, ref _made._ipv6);

        private void AddAddresses(AddressFamily family, ref object? tree)
        {
            for (var at = 0; at < records.Count; at++)
            {
                for (var i = 0; i < records[at].Count; i++)
                {
                    var address = records[at].AddressAt(i);
                    if (
                        address.Family == family
                        && AddressTree<object>.TryAdd(ref tree, _made._owner!, address.Value, records[at]) is not null
                    )
                    {
                        Refuse(at);
                        return;
                    }
                }
            }
        }

        private void AddHolders()
        {
            for (var at = 0; at < records.Count; at++)
            {
                if (
                    _made.HasOtherRecord(null, records[at])
                    || HashTrie<Holding, HolderKey>.TryAdd(ref _made._byHolder, _made._owner!, records[at]) is not null
                )
                {
                    Refuse(at);
                    return;
                }

                _made.LinkOther(_made._owner!, records[at]);
            }
        }

        private void AddNames()
        {
            for (var at = 0; at < records.Count; at++)
            {
                if (records[at].NameHash != 0)
                    _ = HashTrie<Holding, NameKey>.TryAdd(ref _made._byName, _made._owner!, records[at]);
            }
        }

        private void CountAll()
        {
            for (var at = 0; at < records.Count; at++)
                _made.Count(records[at], 1);
            _made.CountOfHolders = records.Count;
        }

        private void Refuse(int at)
        {
            lock (_guard)
                _refused = Math.Min(_refused, at);
        }
    }
}
