"""What clients of Inngest and Trigger.dev ask for, done by the services of our own routes."""
