namespace Weft.Cli.Output;

/// <summary>How data is printed; <c>-o</c>.</summary>
internal enum OutputFormat
{
    /// <summary>Columns for people.</summary>
    Table,

    /// <summary>More columns.</summary>
    Wide,

    /// <summary>JSON.</summary>
    Json,

    /// <summary>YAML.</summary>
    Yaml,

    /// <summary><c>kind/name</c>, a line each.</summary>
    Name,

    /// <summary>SARIF 2.1.0: findings for code hosts and editors; of <c>lint</c> alone.</summary>
    Sarif,
}
