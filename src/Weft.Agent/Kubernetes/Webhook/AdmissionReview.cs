using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Weft.Attachments.Admission;
using Weft.Resources;

namespace Weft.Agent.Kubernetes.Webhook;

/// <summary>
/// One question of the API server's, and its answer (admission.k8s.io/v1). Source: Kubernetes docs, "Dynamic Admission
/// Control", "Webhook request and response".
/// </summary>
internal static class AdmissionReview
{
    // Headers carry the warnings: longer ones are cut by the API server, 120 characters being what it asks for.
    private const int MaxWarningLength = 256;
    private const int MaxWarnings = 16;

    /// <summary>What <c>/validate</c> answers: errors deny, warnings are shown to whoever makes the pod.</summary>
    /// <returns>The review's answer, or why it is no review.</returns>
    public static Outcome<JsonObject> Validate(JsonElement review, Func<LintContext> context) =>
        Respond(
            review,
            (pod, space) =>
            {
                var findings = PodLint.Check(pod, space, context());
                var errors = findings.Where(f => f.Severity == Severity.Error).ToList();
                var response = new JsonObject { ["allowed"] = errors.Count == 0 };
                if (errors.Count > 0)
                {
                    response["status"] = new JsonObject
                    {
                        ["code"] = 403,
                        ["reason"] = "Forbidden",
                        ["message"] = string.Join(
                            "\n",
                            errors.Select(e => e.ToString()).Prepend("the pod would not get its networks:")
                        ),
                    };
                }

                return AddWarnings(
                    response,
                    findings.Where(f => f.Severity == Severity.Warning).Select(f => f.ToString())
                );
            }
        );

    /// <summary>What <c>/mutate</c> answers: the missing device requests, as a patch.</summary>
    /// <returns>The review's answer, or why it is no review.</returns>
    public static Outcome<JsonObject> Mutate(JsonElement review, Func<LintContext> context) =>
        Respond(
            review,
            (pod, space) =>
            {
                var patch = PodLint.Mutate(pod, space, context());
                var response = new JsonObject { ["allowed"] = true };
                if (!patch.IsEmpty)
                {
                    response["patchType"] = "JSONPatch";
                    response["patch"] = Convert.ToBase64String(Json.ToUtf8(patch.Operations));
                }

                return AddWarnings(response, patch.Warnings);
            }
        );

    private static Outcome<JsonObject> Respond(JsonElement review, Func<JsonElement, string, JsonObject> decide)
    {
        var request = review.Member("request");
        if (
            review.Text("apiVersion") != "admission.k8s.io/v1"
            || review.Text("kind") != "AdmissionReview"
            || request.Text("uid") is not { Length: > 0 } uid
        )
            return new Refusal(
                RefusalCode.InvalidRequestContent,
                "the body must be an AdmissionReview of admission.k8s.io/v1 with request.uid"
            );
        var response = Decide(request, decide);
        response["uid"] = uid;
        return new JsonObject
        {
            ["apiVersion"] = "admission.k8s.io/v1",
            ["kind"] = "AdmissionReview",
            ["response"] = response,
        };
    }

    private static JsonObject Decide(JsonElement request, Func<JsonElement, string, JsonObject> decide)
    {
        if (
            request.Text("operation") is not "CREATE"
            || request.Member("kind").Text("kind") is not "Pod"
            || request.Member("object") is not { ValueKind: JsonValueKind.Object } pod
        )
            return new JsonObject { ["allowed"] = true };
        try
        {
            return decide(pod, request.Text("namespace") ?? "default");
        }
        catch (Exception e)
        {
            // A fault of the agent must not keep a pod from starting; whoever made the pod is warned.
            return AddWarnings(
                new JsonObject { ["allowed"] = true },
                [$"weft-agent could not look at the pod's networks: {e.GetType().Name}"]
            );
        }
    }

    private static JsonObject AddWarnings(JsonObject response, IEnumerable<string> warnings)
    {
        var all = warnings.ToImmutableArray();
        if (all.Length > MaxWarnings)
            all = [.. all[..MaxWarnings], $"and {all.Length - MaxWarnings} more: weft lint shows them all"];
        if (all.Length > 0)
            response["warnings"] = new JsonArray([.. all.Select(w => JsonValue.Create(OneLine(w)))]);
        return response;
    }

    // A header's value: what isn't printable would break it.
    private static string OneLine(string text)
    {
        var line = new StringBuilder(text.Length);
        foreach (var c in text)
            line.Append(char.IsControl(c) ? ' ' : c);
        return line.Length <= MaxWarningLength ? line.ToString() : $"{line.ToString(0, MaxWarningLength - 1)}…";
    }
}
