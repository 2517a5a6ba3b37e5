namespace Weft.Resources;

/// <summary>How far apart two words are, for "did you mean".</summary>
internal static class EditDistance
{
    /// <summary>The edit distance without regard to case.</summary>
    /// <returns>The least number of letters to insert, delete or replace.</returns>
    public static int Between(string left, string right)
    {
        var row = Enumerable.Range(0, right.Length + 1).ToArray();
        for (var i = 1; i <= left.Length; i++)
        {
            var corner = row[0];
            row[0] = i;
            for (var j = 1; j <= right.Length; j++)
            {
                var above = row[j];
                var same = char.ToUpperInvariant(left[i - 1]) == char.ToUpperInvariant(right[j - 1]);
                row[j] = Math.Min(Math.Min(above, row[j - 1]) + 1, corner + (same ? 0 : 1));
                corner = above;
            }
        }

        return row[^1];
    }
}
