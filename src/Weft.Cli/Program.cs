using System.CommandLine;
using Spectre.Console;
if (args is ["--version"]) { Console.WriteLine("weft 0.1.0"); return 0; }
var root = new RootCommand("weft");
var o = new Option<string>("--context") { Recursive = true };
root.Options.Add(o);
var c = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
c.Status().Start("x", _ => c.Write(new Text("y", new Style(Color.Red))));
if (c.Prompt(new ConfirmationPrompt("ok?"))) return 3;
var p = new YamlDotNet.Core.Parser(new YamlDotNet.Core.Scanner(Console.In, true));
while (p.MoveNext()) Console.WriteLine(p.Current);
return root.Parse(args).Invoke();
