package quota

// Accounts is how many accounts q keeps.
func Accounts(q *Driver) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.accounts)
}
