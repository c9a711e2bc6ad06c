"""What a run leaves behind, safe against kills and full disks: configuration, environment, records."""
