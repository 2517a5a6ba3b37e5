using Weft.Cli;

return await WeftProgram.RunAsync(args, Surroundings.OfProcess());
