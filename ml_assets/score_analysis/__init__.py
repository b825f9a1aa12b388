"""What a student's scores come to: of school, of mock exams, what follows from both, and beside the peers."""
