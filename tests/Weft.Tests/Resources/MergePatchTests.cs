using Weft.Resources;

namespace Weft.Tests.Resources;

/// <summary>A merge patch reaches some members only (docs/specs/resource-api.md, "Verbs").</summary>
public sealed class MergePatchTests
{
    private static readonly Schema Sample = new([
        SchemaMember.Text("location").Immutable(),
        new SchemaMember("tags", MemberType.Map).Patchable(),
        SchemaMember.Object(
            "properties",
            SchemaMember.Object("pool", SchemaMember.Integer("count").Patchable(), SchemaMember.Text("size")),
            SchemaMember.Object("deep", SchemaMember.Object("inner", SchemaMember.Text("note").Patchable())),
            SchemaMember.Object("fixed", SchemaMember.Text("size")),
            SchemaMember.Text("state").ReadOnly()
        ),
    ]);

    [Theory]
    // What isn't there yet is made.
    [InlineData("{}", "{'tags':{'a':'b'}}", "{'tags':{'a':'b'}}")]
    [InlineData("{}", "{'properties':{'pool':{'count':3}}}", "{'properties':{'pool':{'count':3}}}")]
    // Others of an object stay.
    [InlineData(
        "{'properties':{'pool':{'count':1,'size':'s'}}}",
        "{'properties':{'pool':{'count':3}}}",
        "{'properties':{'pool':{'count':3,'size':'s'}}}"
    )]
    [InlineData(
        "{'properties':{'deep':{'inner':{'note':'a'}}}}",
        "{'properties':{'deep':{'inner':{'note':'b'}}}}",
        "{'properties':{'deep':{'inner':{'note':'b'}}}}"
    )]
    // What is as it was is let pass, and so is what only the server writes.
    [InlineData(
        "{'location':'east','properties':{'fixed':{'size':'s'}}}",
        "{'id':'/x','etag':'e','location':'east','properties':{'fixed':{'size':'s'},'state':'Good'}}",
        "{'location':'east','properties':{'fixed':{'size':'s'}}}"
    )]
    public void Merges_WhatItReaches(string body, string patch, string merged)
    {
        var findings = new List<Refusal>();
        var result = MergePatch.Apply(Sample.Members, TestSite.Body(body), TestSite.Body(patch), "", findings);
        Assert.Empty(findings);
        Assert.Equal(TestSite.Body(merged).ToJsonString(), result.ToJsonString());
    }

    [Theory]
    [InlineData("{'location':'west'}", RefusalCode.ImmutableMember, "location")]
    [InlineData("{'properties':{'pool':{'size':'t'}}}", RefusalCode.ImmutableMember, "properties.pool.size")]
    [InlineData("{'properties':{'fixed':{'size':'t'}}}", RefusalCode.ImmutableMember, "properties.fixed")]
    [InlineData("{'properties':{'pool':7}}", RefusalCode.ImmutableMember, "properties.pool")]
    [InlineData("{'what':1}", RefusalCode.UnknownMember, "what")]
    // The members of every resource stand at the top, and nowhere else.
    [InlineData("{'properties':{'id':'/x'}}", RefusalCode.UnknownMember, "properties.id")]
    internal void Refuses_WhatItDoesNotReach(string patch, RefusalCode code, string target)
    {
        var body = TestSite.Body(
            "{'location':'east','properties':{'pool':{'count':1,'size':'s'},'fixed':{'size':'s'}}}"
        );
        var findings = new List<Refusal>();
        MergePatch.Apply(Sample.Members, body, TestSite.Body(patch), "", findings);
        Assert.Equal((code, target), Assert.Single(findings.Select(f => (f.Code, f.Target!))));
    }
}
