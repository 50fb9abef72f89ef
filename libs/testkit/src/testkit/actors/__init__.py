"""Those who act in the stories, each through the doors that such a person really has."""
