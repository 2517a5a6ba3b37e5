namespace Weft.Agent.Reconcilers;

/// <summary>What to do about objects that another hand has changed.</summary>
internal enum DriftPolicy
{
    /// <summary>Put them right, and say so.</summary>
    Mend,

    /// <summary>Say so.</summary>
    Report,
}
