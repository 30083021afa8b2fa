output "name" {
  description = "The database."
  value       = google_firestore_database.this.name
}
