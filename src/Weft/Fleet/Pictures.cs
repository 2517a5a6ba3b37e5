using System.Collections.Concurrent;
using Weft.Resources;

namespace Weft.Fleet;

/// <summary>
/// Pictures of clusters, each drawn once for as long as nothing that it is drawn from changes. Pictures are never stored; this is what has been
/// worked out already, and forgetting it costs time alone.
/// </summary>
public sealed class Pictures(Limits limits)
{
    private readonly ConcurrentDictionary<string, Drawn> _drawn = new(StringComparer.Ordinal);

    /// <summary>The picture of a cluster.</summary>
    public DesiredState Of(Image image, ResourceId cluster)
    {
        var known = _drawn.GetValueOrDefault(cluster.Key);
        var drawn = Look(known, image, cluster);
        if (ReferenceEquals(drawn, known) && ReferenceEquals(known.Image, image))
            return known.Picture;
        // Kept with the newest image that it is true of, so that the next look compares with that one.
        var kept = drawn with { Image = image, Picture = drawn.Picture.At(image.Revision) };
        _drawn[cluster.Key] = kept;
        return kept.Picture;
    }

    /// <summary>The digest of a cluster's picture in an image that may be only imagined: it is looked at and not kept.</summary>
    public string DigestIn(Image image, ResourceId cluster)
    {
        return Look(_drawn.GetValueOrDefault(cluster.Key), image, cluster).Picture.Digest;
    }

    private Drawn Look(Drawn? known, Image image, ResourceId cluster)
    {
        if (known is not null && (ReferenceEquals(known.Image, image) || known.Footprint.IsSameIn(known.Image, image)))
            return known;
        var footprint = new Footprint();
        return new Drawn(image, footprint, ClusterPicture.Draw(image.Observed(footprint), cluster, limits));
    }

    private sealed record Drawn(Image Image, Footprint Footprint, DesiredState Picture);
}
