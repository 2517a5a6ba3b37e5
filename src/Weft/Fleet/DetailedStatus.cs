using System.Text.Json.Nodes;
using Weft.Resources;

namespace Weft.Fleet;

/// <summary>The two members by which people see how a resource is.</summary>
internal static class DetailedStatus
{
    public static void AddTo(Row row, JsonObject properties, string well)
    {
        (properties["detailedStatus"], properties["detailedStatusMessage"]) = Provisioning.StateOf(row) switch
        {
            Provisioning.Succeeded => ("Available", well),
            Provisioning.Failed => ("Error", Provisioning.MessageOf(row)),
            _ => ("Provisioning", Provisioning.MessageOf(row)),
        };
    }
}
