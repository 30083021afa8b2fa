bucket = "meridian-production-terraform"
