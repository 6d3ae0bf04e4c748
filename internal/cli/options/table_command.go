package options

// commandOptions are not of a sync. Each belongs to the commands that name it in the
// table of commands.
func commandOptions(own *Own) []*option {
	return in(ofCommands, []*option{
		{
			name: "json", value: on(&own.JSON), env: envNone,
			usage: "print one JSON object",
		},
	})
}
