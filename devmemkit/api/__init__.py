"""What `import devmemkit` offers beyond the rooms' own functions: stories, machines, pictures."""
