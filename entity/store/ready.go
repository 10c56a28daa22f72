package store

// Ready is nil while the store takes reads and writes.
func (s *Store) Ready() error {
	select {
	case <-s.closed:
		return errClosed("store.Ready")
	default:
		return nil
	}
}
