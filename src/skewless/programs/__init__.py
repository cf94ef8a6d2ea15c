"""Programs of users as child processes: their private folders, environment, output and end."""
