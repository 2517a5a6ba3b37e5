using System.Diagnostics.CodeAnalysis;

namespace Weft;

/// <summary>What a pure room answers: a value, or the refusal that says why there is none.</summary>
internal readonly struct Outcome<T>
{
    private readonly T? _value;
    private readonly Refusal? _refusal;

    private Outcome(T? value, Refusal? refusal) => (_value, _refusal) = (value, refusal);

    /// <summary>The refusal, or null where there is a value.</summary>
    public Refusal? Refusal => _refusal;

    /// <summary>The value of an outcome that is known to be good.</summary>
    /// <exception cref="InvalidOperationException">It was a refusal: a fault of the caller, who did not
    /// ask.</exception>
    public T Value => _refusal is null ? _value! : throw new InvalidOperationException(_refusal.Message);

    /// <summary>Takes the outcome apart.</summary>
    /// <param name="refusal">The refusal, if there is no value.</param>
    public bool TryGet([MaybeNullWhen(false)] out T value, [NotNullWhen(false)] out Refusal? refusal)
    {
        value = _value;
        refusal = _refusal;
        return refusal is null;
    }

    /// <summary>A good outcome.</summary>
    public static implicit operator Outcome<T>(T value) => new(value, null);

    /// <summary>A refused outcome.</summary>
    public static implicit operator Outcome<T>(Refusal refusal)
    {
        return new(default, refusal);
    }

    /// <summary>The same as the conversion, by name.</summary>
    public static Outcome<T> FromT(T value) => value;

    /// <summary>The same as the conversion, by name.</summary>
    public static Outcome<T> FromRefusal(Refusal refusal) => refusal;
}
