using Weft.Storage;

namespace Weft.Tests.Server;

public sealed class MemoryStoreTests : StoreConformance
{
    private protected override IResourceStore CreateStore() => new MemoryStore();
}
