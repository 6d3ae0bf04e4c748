package state

// A Memory is all that stages ask of earlier runs, and what they tell later ones.
type Memory struct {
	*Files
	*Copies
}

// Memory returns the memory of the state.
func (s *State) Memory() *Memory { return &Memory{s.Files(), s.Copies()} }
